/** What the browser scripts share: Chromium, the camera's address, accessibility, and nothing gone wrong unseen. */
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

/** A name that is not loopback to the browser, so that plain http is no secure context, as in a LAN. */
export const HOST = 'camera.test';
export const PASSWORD = process.env.PASSWORD ?? '';
/** Machines of builds are slow; nothing here is judged by the clock. */
export const PATIENCE_MS = 120_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SHOTS = process.env.SHOTS ?? 'screenshots';
mkdirSync(SHOTS, { recursive: true });

export function check(what, condition, found = '') {
  if (!condition) throw new Error(`${what}: ${typeof found === 'string' ? found : JSON.stringify(found)}`);
  console.log(`  ok: ${what}`);
}

/** For a page before its own scripts: keeps the codecs for which it opens decoders. */
export function keepCodecs() {
  globalThis.codecs = [];
  for (const [of, method] of [[MediaSource, 'addSourceBuffer'], [SourceBuffer, 'changeType']]) {
    const asked = of.prototype[method];
    of.prototype[method] = function (type) {
      globalThis.codecs.push(/codecs="(.+)"/.exec(type)[1]);
      return asked.call(this, type);
    };
  }
  if (!globalThis.VideoDecoder) return;
  const { configure } = VideoDecoder.prototype;
  VideoDecoder.prototype.configure = function (config) {
    globalThis.codecs.push(config.codec);
    return configure.call(this, config);
  };
}

/** Rules of axe-core for WCAG 2.2 AA. */
export const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** Console errors that belong to what a script does on purpose: answers with these statuses. */
const EXPECTED = /Failed to load resource: the server responded with a status of (400|401|403|409|422|423)/;
/** And those of a unit that is away while it restarts, which a script allows for that time. */
const AWAY = /ERR_CONNECTION_(REFUSED|RESET|CLOSED)|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_SOCKET_NOT_CONNECTED|WebSocket connection to/;

export class Browser {
  problems = [];
  /** Whether the unit may be away. */
  away = false;

  static async start(scheme, port) {
    const self = new Browser();
    self.origin = `${scheme}://${HOST}:${port}`;
    self.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--no-proxy-server', '--disable-background-networking', '--disable-component-update',
        '--autoplay-policy=no-user-gesture-required', `--host-resolver-rules=MAP ${HOST} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`,
      ],
    });
    return self.begin();
  }

  /** Somebody else at another computer: own cookies, the same eye on what goes wrong. */
  async guest() {
    const guest = new Browser();
    Object.assign(guest, { browser: this.browser, origin: this.origin, problems: this.problems });
    return guest.begin();
  }

  async begin() {
    this.context = await this.browser.newContext({
      ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 }, locale: 'en-GB', colorScheme: 'light', reducedMotion: 'reduce',
    });
    this.context.setDefaultTimeout(PATIENCE_MS);
    this.page = await this.context.newPage();
    this.page.on('console', (m) => {
      const text = m.text();
      if (m.type() === 'error' && !EXPECTED.test(text) && !(this.away && AWAY.test(text))) this.problems.push(`console: ${text} (${m.location().url})`);
    });
    this.page.on('pageerror', (e) => this.problems.push(`page: ${e.stack ?? e}`));
    this.page.on('request', (r) => {
      const { protocol, host } = new URL(r.url());
      if (!['data:', 'blob:'].includes(protocol) && host !== new URL(this.origin).host) this.problems.push(`request to ${r.url()}`);
    });
    return this;
  }

  button(name, exact = true) {
    return this.page.getByRole('button', { name, exact });
  }

  get dialog() {
    return this.page.getByRole('dialog');
  }

  /** A page with several sections has a Save each; that of the changed section is enabled. */
  async save() {
    await this.page.getByRole('button', { name: 'Save', exact: true, disabled: false }).first().click();
  }

  async saved() {
    await this.page.getByText('Saved.', { exact: true }).first().waitFor();
  }

  /** A page of Setting by its path, there when its heading is. */
  async open(path, heading) {
    await this.page.goto(`${this.origin}/setting/${path}`);
    await this.page.getByRole('heading', { name: heading, level: 1, exact: true }).waitFor();
  }

  /** Fills in the login page and sends it. */
  async credentials(user, password) {
    await this.page.getByLabel('Username').fill(user);
    await this.page.getByLabel('Password', { exact: true }).fill(password);
    await this.button('Log in').click();
  }

  async login(user, password) {
    await this.credentials(user, password);
    await this.page.locator('#main').waitFor();
  }

  async logout() {
    await this.button('Log out').click();
    await this.page.getByText('You are logged out.').waitFor();
  }

  /** A request of the page's own session: `{status, body}`. */
  async api(method, path, body, headers = {}) {
    return this.page.evaluate(
      async ([method, path, body, headers]) => {
        const { csrf } = await (await fetch('/api/v1/session')).json();
        const answer = await fetch(`/api/v1${path}`, {
          method, body: body === undefined ? undefined : JSON.stringify(body), headers: { 'Content-Type': 'application/json', 'X-Platecam-CSRF': csrf, ...headers },
        });
        return { status: answer.status, body: await answer.json().catch(() => null) };
      },
      [method, path, body, headers],
    );
  }

  /** Changes a section of the settings beside the page. */
  async set(key, patch) {
    const { body } = await this.api('GET', `/settings/${key}`);
    const answer = await this.api('PATCH', `/settings/${key}`, patch, { 'Content-Type': 'application/merge-patch+json', 'If-Match': `"${body.revision}"` });
    if (answer.status !== 200) throw new Error(`${key}: ${JSON.stringify(answer)}`);
  }

  /** What the page shows now, on desktop (light and dark) and phone, by axe's WCAG 2.2 AA rules, and nothing wider than the screen. */
  async examineWidths(name, widths = [1440, 360]) {
    for (const width of widths) {
      const height = width < 500 ? 780 : 900;
      await this.page.setViewportSize({ width, height });
      // A bar that stays while the page scrolls lies over a field that could be scrolled away from it: the whole page is shown.
      const whole = await this.page.evaluate(() => (scrollTo(0, 0), document.documentElement.scrollHeight));
      await this.page.setViewportSize({ width, height: Math.max(height, Math.min(whole, 4000)) });
      // Colours are the same at every width.
      await this.examine(`${name}-${width}`, WCAG, width === widths[0] ? ['light', 'dark'] : ['light']);
      const wide = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) this.problems.push(`${name} is ${wide} px too wide at ${width}`);
    }
    await this.page.setViewportSize({ width: 1440, height: 900 });
  }

  /** axe-core's findings in each scheme, and a picture of it: those of `tags`, else the serious ones. */
  async examine(name, tags = null, schemes = ['light', 'dark']) {
    for (const colorScheme of schemes) {
      await this.page.emulateMedia({ colorScheme });
      await this.page.evaluate(async () => {
        await Promise.all(document.getAnimations().map((a) => (a.effect?.getComputedTiming().iterations === Infinity ? null : a.finished.catch(() => null))));
        await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      });
      if (!(await this.page.evaluate(() => 'axe' in globalThis))) await this.page.evaluate(AXE);
      const { violations } = await this.page.evaluate((only) => globalThis.axe.run(document, { resultTypes: ['violations'], ...(only ? { runOnly: only } : {}) }), tags);
      const bad = violations.filter((v) => tags || ['serious', 'critical'].includes(v.impact));
      await this.shot(`${name}-${colorScheme}`);
      for (const v of bad) this.problems.push(`axe ${name} ${colorScheme}: ${v.id}: ${v.help}: ${v.nodes.map((n) => `${n.html} ${n.any.map((a) => a.message)}`).join(' | ')}`);
      if (bad.length === 0) console.log(`  ok: ${name} in ${colorScheme}: no serious accessibility problem`);
    }
    await this.page.emulateMedia({ colorScheme: 'light' });
  }

  async shot(name) {
    await this.page.screenshot({ path: join(SHOTS, `${name}.png`) });
  }

  /** Frames really shown; the picture moves when the number grows. */
  async frames() {
    return this.page.evaluate(() => {
      const video = document.querySelector('video');
      return video ? video.getVideoPlaybackQuality().totalVideoFrames : 0;
    });
  }

  /** A checksum of the visible canvas with the picture, for the renderers that draw. */
  async canvas() {
    return this.page.evaluate(() => {
      const canvas = [...document.querySelectorAll('.stage canvas:not(.overlay):not(.hidden)')][0];
      if (!canvas || canvas.width < 16) return '';
      const small = new OffscreenCanvas(32, 18);
      const context = small.getContext('2d');
      context.drawImage(canvas, 0, 0, 32, 18);
      return context.getImageData(0, 0, 32, 18).data.join();
    });
  }

  /** How many pixels of the overlay are painted: boxes are there. */
  async boxes() {
    return this.page.evaluate(() => {
      const overlay = document.querySelector('canvas.overlay');
      if (!overlay?.width) return 0;
      const { data } = overlay.getContext('2d').getImageData(0, 0, overlay.width, overlay.height);
      let painted = 0;
      for (let i = 3; i < data.length; i += 4) painted += data[i] > 0 ? 1 : 0;
      return painted;
    });
  }

  /** Asks again until the answer is true. */
  async until(what, ask, patience = PATIENCE_MS) {
    const end = Date.now() + patience;
    for (;;) {
      const answer = await ask();
      if (answer) {
        console.log(`  ok: ${what}`);
        return answer;
      }
      if (Date.now() > end) {
        await this.shot('failed');
        throw new Error(`${what}: not within ${patience / 1000} s; problems: ${this.problems.join('\n')}`);
      }
      await this.page.waitForTimeout(200);
    }
  }

  async end() {
    await this.browser.close();
    if (this.problems.length > 0) throw new Error(`problems:\n${this.problems.join('\n')}`);
    console.log('  ok: no console error, no foreign request');
  }
}
