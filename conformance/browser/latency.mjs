/**
 * How long a picture takes from its capture to the screen (GEN-6): the unit draws the time into each picture, this reads it back from what
 * the browser shows, by MSE over plain http and by WebCodecs over https. It prints what it measured; a busy machine is no fault of the unit.
 */
import { Browser, check, PASSWORD } from './camera.mjs';

const SECONDS = Number(process.env.LATENCY_SECONDS ?? 10);

/** In the page: the age of every new picture that is shown within some seconds, in milliseconds. */
async function ages(seconds) {
  const small = new OffscreenCanvas(160, 9);
  const context = small.getContext('2d', { willReadFrequently: true });
  const code = (picture, width, height) => {
    if (!width) return null;
    // The middle of the picture, where the bars are.
    context.drawImage(picture, 0, height * 0.47, width, height * 0.06, 0, 0, 160, 9);
    const { data } = context.getImageData(0, 4, 160, 1);
    const cells = Array.from({ length: 40 }, (_, n) => (data[4 * (4 * n + 2) + 1] > 128 ? 1 : 0));
    const value = (from, to) => cells.slice(from, to).reduce((sum, bit) => sum * 2 + bit, 0);
    const ms = value(4, 36);
    let digits = 0;
    for (let n = 0; n < 8; n++) digits ^= Math.floor(ms / 16 ** n) % 16;
    return value(0, 4) === 10 && value(36, 40) === digits ? ms : null;
  };
  const found = [];
  let last = null;
  let backwards = 0;
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    await new Promise((shown) => requestAnimationFrame(shown));
    const video = document.querySelector('.stage video:not(.hidden)');
    const canvas = document.querySelector('.stage canvas:not(.overlay):not(.hidden)');
    const ms = video ? code(video, video.videoWidth, video.videoHeight) : canvas ? code(canvas, canvas.width, canvas.height) : null;
    if (ms === null || ms === last) continue;
    if (last !== null && ms < last) backwards += 1;
    last = ms;
    found.push((Date.now() % 2 ** 32) - ms);
  }
  return { found, backwards };
}

async function measure(scheme, port, way) {
  const b = await Browser.start(scheme, port);
  try {
    await b.page.goto(b.origin);
    await b.login('admin', PASSWORD);
    await b.page.waitForURL('**/live');
    await b.until(`${way} shows the picture`, async () => b.page.getByText(way).isVisible());
    await b.until('the time is read in it', async () => (await b.page.evaluate(ages, 1)).found.length > 2);
    const { found, backwards } = await b.page.evaluate(ages, SECONDS);
    found.sort((a, c) => a - c);
    const at = (share) => found[Math.min(found.length - 1, Math.floor(share * found.length))];
    check(`${found.length} pictures by ${way}, in order`, found.length > SECONDS && backwards === 0, { found, backwards });
    check('none was shown before it was taken', found[0] >= 0, found);
    console.log(`  measured: ${way}: capture to screen p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, worst ${found.at(-1)} ms, ${(found.length / SECONDS).toFixed(1)} pictures a second`);
  } catch (error) {
    await b.shot(`failed-latency-${scheme}`);
    console.error(`problems so far:\n${b.problems.join('\n')}`);
    throw error;
  }
  await b.end();
}

await measure('https', process.env.HTTPS_PORT, 'WebCodecs');
await measure('http', process.env.HTTP_PORT, 'Media Source');
