/** The live view with the simplest H.264: decoders are asked for the profile that is sent, by MSE and by WebCodecs (NET-24). */
import { Browser, check, HOST, keepCodecs, PASSWORD } from './camera.mjs';

const http = await Browser.start('http', process.env.HTTP_PORT);
const https = Object.assign(await http.guest(), { origin: `https://${HOST}:${process.env.HTTPS_PORT}` });
const newest = (b) => b.page.evaluate(() => globalThis.codecs.at(-1) ?? '');
const shown = { [http.origin]: () => http.frames(), [https.origin]: () => https.canvas() };

async function moves(b) {
  const before = await shown[b.origin]();
  await b.until('the picture moves', async () => {
    const now = await shown[b.origin]();
    return now && now !== before;
  });
}

try {
  for (const b of [http, https]) {
    await b.context.addInitScript(keepCodecs);
    await b.page.goto(b.origin);
    await b.login('admin', PASSWORD);
    await b.until('High is decoded as High', async () => (await newest(b)).startsWith('avc1.64'));
  }
  check('over http there is no WebCodecs', await http.page.evaluate(() => !globalThis.VideoDecoder));
  await https.until('WebCodecs draws', async () => https.page.getByText('WebCodecs').isVisible());
  await http.set('video.sub', { resolution: '352*288' });
  for (const [profile, codec] of [['Baseline', 'avc1.42'], ['Main', 'avc1.4d']]) {
    await http.set('video.main', { codec: 'H.264', h264_profile: profile, resolution: '352*288' });
    for (const b of [http, https]) {
      await b.until(`${profile} is decoded as ${codec}`, async () => (await newest(b)).toLowerCase().startsWith(codec));
      await moves(b);
    }
  }
} catch (error) {
  for (const [name, b] of Object.entries({ http, https })) {
    await b.shot(`failed-baseline-${name}`);
    console.error(`codecs of ${name}: ${await newest(b).catch(() => '?')}; problems so far:\n${b.problems.join('\n')}`);
  }
  throw error;
}
await http.end();
