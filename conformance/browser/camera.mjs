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

/** Console errors that belong to what a script does on purpose: answers with these statuses. */
const EXPECTED = /Failed to load resource: the server responded with a status of (401|422|423|403)/;

export class Browser {
  problems = [];

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
    self.context = await self.browser.newContext({
      ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 }, locale: 'en-GB', colorScheme: 'light', reducedMotion: 'reduce',
    });
    self.context.setDefaultTimeout(PATIENCE_MS);
    self.page = await self.context.newPage();
    self.page.on('console', (m) => m.type() === 'error' && !EXPECTED.test(m.text()) && self.problems.push(`console: ${m.text()} (${m.location().url})`));
    self.page.on('pageerror', (e) => self.problems.push(`page: ${e.stack ?? e}`));
    self.page.on('request', (r) => {
      const { protocol, host } = new URL(r.url());
      if (!['data:', 'blob:'].includes(protocol) && host !== new URL(self.origin).host) self.problems.push(`request to ${r.url()}`);
    });
    return self;
  }

  /** axe-core's findings in light and dark, and a picture of either: those of `tags`, else the serious ones. */
  async examine(name, tags = null) {
    for (const colorScheme of ['light', 'dark']) {
      await this.page.emulateMedia({ colorScheme });
      await this.page.waitForTimeout(300);
      await this.page.evaluate(AXE);
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
