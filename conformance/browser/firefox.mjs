/**
 * The live view in Firefox, as Debian has it, over WebDriver BiDi (its own automation protocol, which needs no driver program): by MSE over
 * plain http and over https with what it offers there (LIVE-1, LIVE-7, GEN-8, AUTH-2).
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import WebSocket from 'ws';
import { check, HOST, keepCodecs, PASSWORD, PATIENCE_MS } from './camera.mjs';

/** One browser with one tab. */
class Firefox {
  problems = [];
  answers = new Map();
  number = 0;

  static async start() {
    const self = new Firefox();
    self.profile = mkdtempSync(join(tmpdir(), 'firefox-'));
    const preferences = {
      // A name that is not loopback to the browser, as in a LAN.
      'network.dns.localDomains': HOST,
      'media.autoplay.default': 0,
      'browser.shell.checkDefaultBrowser': false,
      'datareporting.policy.dataSubmissionEnabled': false,
      'app.normandy.enabled': false,
      'network.captive-portal-service.enabled': false,
      'network.connectivity-service.enabled': false,
      'dom.security.https_first': false,
    };
    writeFileSync(join(self.profile, 'user.js'), Object.entries(preferences).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`).join(''));
    self.process = spawn(process.env.FIREFOX ?? '/usr/bin/firefox-esr', ['--headless', '--no-remote', '--profile', self.profile, '--remote-debugging-port', '0'], {
      stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: self.profile, MOZ_DISABLE_CONTENT_SANDBOX: '1' },
    });
    const address = await new Promise((found, failed) => {
      const said = [];
      self.process.on('exit', (code) => failed(new Error(`Firefox ended with ${code}: ${said.join('\n')}`)));
      createInterface({ input: self.process.stderr }).on('line', (line) => {
        said.push(line);
        const [, url] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? [];
        if (url) found(url);
      });
    });
    self.socket = new WebSocket(`${address}/session`);
    await new Promise((open, failed) => self.socket.once('open', open).once('error', failed));
    self.socket.on('message', (data) => self.heard(JSON.parse(data)));
    await self.send('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
    await self.send('session.subscribe', { events: ['log.entryAdded'] });
    const { contexts } = await self.send('browsingContext.getTree', {});
    self.tab = contexts[0].context;
    await self.send('browsingContext.setViewport', { context: self.tab, viewport: { width: 1440, height: 900 } });
    return self;
  }

  heard(message) {
    if (message.type === 'event') {
      const { level, text } = message.params;
      if (level === 'error') this.problems.push(text);
      return;
    }
    const { done, failed } = this.answers.get(message.id);
    this.answers.delete(message.id);
    if (message.type === 'success') done(message.result);
    else failed(new Error(`${message.error}: ${message.message}`));
  }

  send(method, params) {
    const id = ++this.number;
    this.socket.send(JSON.stringify({ id, method, params }));
    return new Promise((done, failed) => this.answers.set(id, { done, failed }));
  }

  async open(url) {
    await this.send('browsingContext.navigate', { context: this.tab, url, wait: 'complete' });
  }

  /** The value of an expression in the page, by way of JSON. */
  async ask(expression) {
    const answer = await this.send('script.evaluate', { expression: `(async () => JSON.stringify(await (${expression})))()`, target: { context: this.tab }, awaitPromise: true });
    if (answer.type === 'exception') throw new Error(answer.exceptionDetails.text);
    return answer.result.value === undefined ? undefined : JSON.parse(answer.result.value);
  }

  async until(what, expression) {
    for (const end = Date.now() + PATIENCE_MS; ; ) {
      const answer = await this.ask(expression).catch(() => null);
      if (answer) {
        console.log(`  ok: ${what}`);
        return answer;
      }
      if (Date.now() > end) throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s; the page shows ${await this.ask('document.body.innerText')}; problems: ${this.problems.join('\n')}`);
      await new Promise((later) => setTimeout(later, 200));
    }
  }

  /** Text into a field and a click, as the page hears them from a person. */
  async fill(selector, text) {
    await this.until(`there is ${selector}`, `!!document.querySelector('${selector}')`);
    await this.ask(`(() => { const e = document.querySelector('${selector}'); e.value = ${JSON.stringify(text)}; e.dispatchEvent(new Event('input', { bubbles: true })); return true; })()`);
  }

  end() {
    this.socket?.close();
    this.process.removeAllListeners('exit');
    this.process.kill();
    this.process.once('exit', () => rmSync(this.profile, { recursive: true, force: true }));
  }
}

/** What the picture looks like now, however it is shown. */
const PICTURE = `(() => {
  const picture = document.querySelector('.stage video:not(.hidden)') ?? document.querySelector('.stage canvas:not(.overlay):not(.hidden)');
  if (!(picture?.videoWidth || picture?.width > 16)) return '';
  const small = new OffscreenCanvas(32, 18).getContext('2d');
  small.drawImage(picture, 0, 0, 32, 18);
  const { data } = small.getImageData(0, 0, 32, 18);
  return new Set(data).size > 8 ? data.join() : '';
})()`;
const BOXES = `(() => {
  const overlay = document.querySelector('canvas.overlay');
  return overlay?.width ? overlay.getContext('2d').getImageData(0, 0, overlay.width, overlay.height).data.some((value) => value > 0) : false;
})()`;

const firefox = await Firefox.start();
try {
  await firefox.send('script.addPreloadScript', { functionDeclaration: `${keepCodecs}` });
  for (const [scheme, port] of [['http', process.env.HTTP_PORT], ['https', process.env.HTTPS_PORT]]) {
    await firefox.open(`${scheme}://${HOST}:${port}/`);
    check(`${scheme}: a secure context only by https`, (await firefox.ask('isSecureContext')) === (scheme === 'https'));
    await firefox.fill('input[autocomplete=username]', 'admin');
    await firefox.fill('input[autocomplete=current-password]', PASSWORD);
    await firefox.ask(`(document.querySelector('form button[type=submit]').click(), true)`);
    const before = await firefox.until(`${scheme}: a picture is shown`, PICTURE);
    await firefox.until(`${scheme}: it moves`, `${PICTURE} !== ${JSON.stringify(before)}`);
    await firefox.until(`${scheme}: boxes are drawn over it`, BOXES);
    const ways = ['Media Source', 'WebCodecs', 'JPEG'];
    console.log(`  shown by ${await firefox.ask(`${JSON.stringify(ways)}.filter((way) => document.body.innerText.includes(way)).join()`)}`);
    await firefox.until(`${scheme}: plates are listed`, `document.querySelectorAll('aside ol li').length > 0`);
  }
  // NET-24: the simplest profile, too, is decoded as what it is.
  const changed = await firefox.ask(`(async () => {
    const { csrf } = await (await fetch('/api/v1/session')).json();
    const at = '/api/v1/settings/video.main';
    const { revision } = await (await fetch(at)).json();
    const headers = { 'Content-Type': 'application/merge-patch+json', 'X-Platecam-CSRF': csrf, 'If-Match': '"' + revision + '"' };
    return (await fetch(at, { method: 'PATCH', headers, body: '{"h264_profile": "Baseline"}' })).status;
  })()`);
  check('the profile is changed', changed === 200, changed);
  await firefox.until('Baseline is decoded as avc1.42', `globalThis.codecs.at(-1).startsWith('avc1.42')`);
  const baseline = await firefox.until('a picture is shown', PICTURE);
  await firefox.until('it moves', `${PICTURE} !== ${JSON.stringify(baseline)}`);
  check('no error in the console', firefox.problems.length === 0, firefox.problems);
} finally {
  firefox.end();
}
