/** The sound of the live view: over https every encoding, over plain http G.711; recordings have it too (LIVE-1, LIVE-11, AUDIO-6). */
import { execFileSync } from 'node:child_process';
import { Browser, check, PASSWORD } from './camera.mjs';

/** Puts an ear at whatever a page gives to the loudspeaker. */
function listen() {
  const { connect } = AudioNode.prototype;
  AudioNode.prototype.connect = function (to, ...more) {
    if (to instanceof AudioDestinationNode) {
      globalThis.ear = new AnalyserNode(this.context, { fftSize: 512, smoothingTimeConstant: 0 });
      connect.call(this, globalThis.ear);
    }
    return connect.call(this, to, ...more);
  };
}

/** Whether the clip's tone of 1 kHz is in the ear now, louder than all else. */
function tone() {
  const { ear } = globalThis;
  if (!ear) return false;
  const bins = new Float32Array(ear.frequencyBinCount);
  ear.getFloatFrequencyData(bins);
  const loudest = bins.indexOf(Math.max(...bins));
  const hertz = (loudest * ear.context.sampleRate) / ear.fftSize;
  return bins[loudest] > -50 && Math.abs(hertz - 1000) <= ear.context.sampleRate / ear.fftSize;
}

/** How many ms the tone begins after the flash, of each of some rounds of the clip. */
async function apart(rounds) {
  const small = new OffscreenCanvas(8, 8).getContext('2d', { willReadFrequently: true });
  const bright = () => {
    const canvas = document.querySelector('.stage canvas:not(.overlay)');
    if (!canvas?.width) return false;
    small.drawImage(canvas, 0, 0, 8, 8);
    return small.getImageData(4, 4, 1, 1).data[1] > 128;
  };
  const loud = () => {
    const samples = new Float32Array(64);
    globalThis.ear?.getFloatTimeDomainData(samples);
    return samples.some((v) => Math.abs(v) > 0.02);
  };
  const found = { bright: [], loud: [] };
  const was = { bright: true, loud: 0 };
  while (Math.min(found.bright.length, found.loud.length) < rounds) {
    await new Promise((next) => setTimeout(next, 4));
    const now = performance.now();
    const is = bright();
    if (is && !was.bright) found.bright.push(now);
    was.bright = is;
    if (loud()) {
      // A sine is silent now and then; the pause between two tones is long.
      if (now - was.loud > 500) found.loud.push(now);
      was.loud = now;
    }
  }
  return found.bright.map((flash) => found.loud.map((t) => t - flash).reduce((a, b) => (Math.abs(a) < Math.abs(b) ? a : b)));
}

const https = await Browser.start('https', process.env.HTTPS_PORT);
const http = await Browser.start('http', process.env.HTTP_PORT);

async function enter(b) {
  await b.context.addInitScript(listen);
  await b.page.goto(b.origin);
  await b.login('admin', PASSWORD);
  await b.page.goto(`${b.origin}/live`);
  await b.until('it plays', async () => b.page.getByText('Live', { exact: true }).isVisible());
}

const button = (b) => b.button('Sound');
const pressed = async (b) => (await button(b).getAttribute('aria-pressed')) === 'true';
const rate = (b) => b.page.evaluate(() => (globalThis.ear?.context.state === 'running' ? globalThis.ear.context.sampleRate : 0));

/** Sets what is sent, and waits until the page plays the stream that has it. */
async function send(b, value) {
  await b.page.evaluate(() => (globalThis.ear = undefined));
  await b.set('audio.input', value);
}

async function recorded(b) {
  await b.button('Record to this computer').click();
  await b.until('the recording runs', async () => (await b.page.getByRole('timer').innerText()) >= '00:00:06');
  const [file] = await Promise.all([b.page.waitForEvent('download'), b.button('Record to this computer').click()]);
  const path = await file.path();
  const said = execFileSync('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name,codec_type,start_time,duration', '-of', 'json', path], { encoding: 'utf8' });
  return { streams: JSON.parse(said).streams, path };
}

try {
  for (const b of [https, http]) await enter(b);
  check('without a source of sound there is no button', (await button(https).count()) === 0);

  await https.set('audio.input', { source: 'picture', encoding: 'G.711U' });
  await button(https).waitFor();
  check('muted at first', !(await pressed(https)) && (await https.page.evaluate(() => globalThis.ear)) === undefined);
  await button(https).click();
  await https.page.getByLabel('Volume').fill('80');
  for (const [value, hertz] of [[{ encoding: 'G.711U' }, 8000], [{ encoding: 'G.711A' }, 8000], [{ encoding: 'AAC', sample_rate: 48 }, 48000], [{ encoding: 'AAC', sample_rate: 16 }, 16000], [{ encoding: 'Opus' }, 48000]]) {
    const what = JSON.stringify(value);
    if (value.encoding !== 'G.711U') await send(https, value);
    await https.until(`${what} is played`, async () => (await rate(https)) === hertz);
    await https.until('and its tone is heard', () => https.page.evaluate(tone));
    const off = await https.page.evaluate(apart, 4);
    const middle = off.map(Math.abs).sort((a, b) => a - b)[off.length >> 1];
    // A machine that is short of time shows its pictures late; a quarter of the clip is not in step at all.
    check(`${what} is in step with the picture: ${off.map(Math.round)} ms`, middle < 400, off);
    if (value.encoding === 'Opus' || value.sample_rate === 16) {
      const { streams, path } = await recorded(https);
      const [video, sound] = streams;
      check('the recording has both', video.codec_name === 'h264' && sound?.codec_name === (value.encoding === 'AAC' ? 'aac' : 'opus'), streams);
      // Tone and silence both decode; what is no sound of this kind ends ffmpeg.
      const raw = execFileSync('ffmpeg', ['-v', 'error', '-xerror', '-i', path, '-map', '0:a', '-f', 's16le', '-ac', '1', '-ar', '8000', '-'], { maxBuffer: 1 << 26 });
      let peak = 0;
      for (let at = 0; at + 1 < raw.length; at += 2) peak = Math.max(peak, Math.abs(raw.readInt16LE(at)));
      check('and the tone is in it', peak > 8000, { peak, bytes: raw.length });
    }
  }
  await https.examine('live-sound');
  await button(https).click();
  await https.until('muted again, nothing is decoded', () => https.page.evaluate(() => globalThis.ear.context.state === 'closed'));
  await https.page.reload();
  await button(https).waitFor();
  check('a new page is muted', !(await pressed(https)));
  await button(https).click();
  check('and knows the volume', (await https.page.getByLabel('Volume').inputValue()) === '80');

  // Plain http has no decoder for what is not G.711, and the page says so.
  await button(http).click();
  await http.page.getByText('Browsers play sound in Opus only over HTTPS').waitFor();
  check('nothing is played then', !(await pressed(http)));
  await send(http, { encoding: 'G.711A' });
  await http.until('G.711 can be switched on', async () => {
    if (!(await pressed(http))) await button(http).click();
    return (await rate(http)) === 8000;
  });
  await http.until('and its tone is heard', () => http.page.evaluate(tone));
  await http.button('Record to this computer').click();
  await http.page.getByText('Recorded without sound').waitFor();
  await http.button('Record to this computer').click();
} catch (error) {
  for (const [name, b] of Object.entries({ https, http })) {
    await b.shot(`failed-sound-${name}`);
    console.error(`problems so far:\n${b.problems.join('\n')}`);
  }
  throw error;
}
await https.end();
await http.end();
