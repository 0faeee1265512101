/** Upgrades, the configuration as a file, services, log, schedule and Default, on a unit that really starts anew. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Browser, check, PASSWORD } from './camera.mjs';

/** Made by the test: `good.pkg`, `newer.pkg`, `older.pkg`, `foreign.pkg` and the signed list `versions.json`. */
const { GOOD, NEWER } = process.env;
const packages = (name) => join(process.env.PACKAGES, name);
const FILE_PASSWORD = 'File-2026-key';

const b = await Browser.start('http', process.env.HTTP_PORT);
const { page, dialog } = b;
const unit = `http://127.0.0.1:${process.env.HTTP_PORT}`;
const dir = mkdtempSync(join(tmpdir(), 'maintenance-'));
const button = (name) => b.button(name);
const fact = (name) => page.locator('dl > div').filter({ has: page.getByText(name, { exact: true }) }).locator('dd').first();
const bad = page.locator('.banner.bad');

/** The file that a click brings. */
async function downloaded(click) {
  const [file] = await Promise.all([page.waitForEvent('download'), click()]);
  return { name: file.suggestedFilename(), path: await file.path() };
}
/** The members of a ZIP that opens with `password`; `null` when it does not. */
function members(zip, password) {
  const to = mkdtempSync(join(dir, 'zip-'));
  try {
    execFileSync('7z', ['x', '-y', `-p${password}`, `-o${to}`, zip], { stdio: 'pipe' });
    return execFileSync('find', [to, '-type', 'f', '-printf', '%P\n'], { encoding: 'utf8' }).trim().split('\n').map((name) => [name, readFileSync(join(to, name), 'utf8')]);
  } catch {
    return null;
  }
}
/** What the unit answers beside the page, by an API token; `null` while it is away. */
let token = '';
async function asked(path) {
  const answer = await fetch(`${unit}/api/v1${path}`, { headers: { Authorization: `Bearer ${token}` } }).catch(() => null);
  return answer?.ok ? answer.json() : null;
}
/** What happens while the unit starts anew: the screen says so, goes away by itself, and the login is there. */
async function restarts(text) {
  await page.getByRole('heading', { name: text }).waitFor();
  await b.until(`"${text}" ends`, async () => (await page.getByRole('heading', { name: text }).count()) === 0);
}
async function again() {
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  b.away = false;
  await b.login('admin', PASSWORD);
}

/** SYS-2, 5, 6, 7. */
async function about() {
  await b.open('system/general', 'General Settings');
  await b.until('version with its date', async () => /^\d+\.\d+\.\d+, Build Date: \d{4}-\d\d-\d\d$/.test(await fact('System Version').innerText()));
  check('version of ONVIF', /^\d\d\.\d\d/.test(await fact('ONVIF Ver.').innerText()), await fact('ONVIF Ver.').innerText());
  await page.getByText(/^© \d{4} /).waitFor();
  await page.locator('.language select').selectOption({ label: 'Deutsch' });
  await page.getByRole('heading', { name: 'Allgemein', exact: true, level: 1 }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Allgemein', exact: true, level: 1 }).waitFor();
  await page.locator('.language select').selectOption({ label: 'English' });
  await page.getByRole('heading', { name: 'General Settings', level: 1 }).waitFor();
  // The unit's own language is for browsers where nobody has chosen.
  await b.set('device.general', { language: 'de' });
  const guest = await b.guest();
  await guest.page.goto(b.origin);
  await guest.page.getByRole('heading', { name: 'Anmelden' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'General Settings', level: 1 }).waitFor();
  await guest.context.close();
  await b.set('device.general', { language: 'en' });
}

/** SYS-30, SYS-33, SYS-35: at once, without a restart. */
async function services() {
  await b.open('system/services', 'System Service');
  const card = page.locator('form', { has: page.getByRole('heading', { name: 'System Service' }) });
  const ssh = page.locator('section', { has: page.getByRole('heading', { name: 'SSH on this machine' }) });
  const put = async (state, shown) => {
    await card.getByRole('radio', { name: state, exact: true }).check();
    if (state === 'On') await card.getByText('SSH opens the machine', { exact: false }).waitFor();
    await b.save();
    await ssh.getByText(shown, { exact: true }).waitFor();
  };
  await put('On', 'running');
  await b.examineWidths('page-services-ssh');
  await put('Off', 'stopped');
  const status = async () => (await fetch(`${unit}/cgi-bin/device.cgi`)).status;
  check('CGI is there', (await status()) === 401, `${await status()}`);
  await card.getByRole('switch', { name: 'CGI' }).click();
  await b.save();
  await b.until('CGI is gone', async () => (await status()) === 404);
  await card.getByRole('switch', { name: 'CGI' }).click();
  await b.save();
  await b.until('and back', async () => (await status()) === 401);
}

/** SYS-27, SYS-29: what the maintenance page stores. */
async function schedule(server) {
  await b.open('system/maintenance', 'Upgrade and Maintenance');
  check('no restart is planned', (await fact('Next scheduled restart').innerText()) === '–');
  const form = page.locator('form', { has: page.getByRole('heading', { name: 'Auto Restart and search for upgrades' }) });
  await form.getByRole('switch', { name: 'Auto Restart' }).click();
  await form.getByLabel('Time', { exact: true }).fill('03:00');
  await form.getByRole('switch', { name: 'Automatic Detection' }).click();
  await form.getByLabel('Upgrade Server').fill('ftp://127.0.0.1/versions.json');
  await b.save();
  await form.locator('.row.wrong .error').first().waitFor();
  await form.getByLabel('Upgrade Server').fill(`${server}/versions.json`);
  await b.save();
  await b.saved();
  await b.until('the next restart is shown', async () => /03:00:00/.test(await fact('Next scheduled restart').innerText()));
  await page.reload();
  await b.until('and shown again', async () => (await form.getByLabel('Upgrade Server').inputValue()) === `${server}/versions.json`);
}

/** SYS-26: progress is shown; what is not signed, older or damaged is refused and changes nothing. */
async function upgradeByFile() {
  const version = await fact('Current version').innerText();
  const file = page.locator('input[type=file]').last();
  const send = async (name) => {
    await file.setInputFiles(packages(name));
    await page.getByText(name, { exact: false }).waitFor();
    await button('Upgrade').click();
  };
  writeFileSync(packages('text.pkg'), 'not a package');
  const tampered = readFileSync(packages('good.pkg'));
  tampered[tampered.length - 1] ^= 1;
  writeFileSync(packages('tampered.pkg'), tampered);
  writeFileSync(packages('short.pkg'), tampered.subarray(0, tampered.length - 9));
  for (const [name, why] of [
    ['text.pkg', 'not a Platecam package'], ['foreign.pkg', 'unknown key'], ['older.pkg', 'older'], ['short.pkg', 'truncated'], ['tampered.pkg', 'hash'],
  ]) {
    await send(name);
    await b.until(`${name} is refused: ${why}`, async () => (await bad.count()) > 0 && (await bad.first().innerText()).includes(why));
    check('in plain words', !(await bad.first().innerText()).includes('/package'), await bad.first().innerText());
  }
  await b.examineWidths('page-upgrade-refused');
  check('and nothing has changed', (await b.api('GET', '/upgrade')).body.current === version);

  // Slow enough to see.
  const line = await b.context.newCDPSession(page);
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: statSync(packages('good.pkg')).size / 3 };
  await line.send('Network.enable');
  await line.send('Network.emulateNetworkConditions', slow);
  b.away = true;
  await send('good.pkg');
  const bar = page.locator('progress').first();
  await b.until('progress is shown', async () => {
    const value = Number(await bar.getAttribute('value', { timeout: 1000 }).catch(() => 0));
    return value > 0 && value < 1;
  });
  await b.shot('upgrade-progress');
  await line.send('Network.emulateNetworkConditions', { ...slow, uploadThroughput: -1 });
  await restarts(`Version ${GOOD} is being started`);
  await again();
  await b.open('system/maintenance', 'Upgrade and Maintenance');
  await b.until('the new version runs', async () => (await fact('Current version').innerText()) === GOOD);
}

/** LOG-3, LOG-5, DEBUG-2. */
async function log() {
  await b.open('system/log', 'System Log');
  await page.locator('tbody tr').nth(3).waitFor();
  const titles = await page.locator('thead th').allInnerTexts();
  check('columns of the log', ['No.', 'Time', 'Username', 'Type'].every((t) => titles.includes(t)), titles);
  const numbers = (await page.locator('tbody tr td:first-child').allInnerTexts()).map(Number);
  check('newest first', numbers.every((n, i) => i === 0 || n < numbers[i - 1]), numbers);
  await page.getByLabel('Type').selectOption({ label: 'Upgrade' });
  await button('Search').click();
  const entry = page.locator('tbody tr', { hasText: 'was installed beside' }).first();
  await entry.getByRole('button').click();
  await b.until('details', async () => (await dialog.locator('dd').allInnerTexts()).some((text) => text === 'Upgrade'));
  check('with the address', (await dialog.locator('dd').allInnerTexts()).includes('127.0.0.1'));
  await b.examineWidths('dialog-log');
  await page.keyboard.press('Escape');

  await button('Export').click();
  await dialog.getByLabel('Encrypt Log Backup').check();
  const save = dialog.getByRole('button', { name: 'Export', exact: true });
  await dialog.getByLabel('Password', { exact: true }).fill('short');
  check('a short password is refused', await save.isDisabled());
  await dialog.getByLabel('Password', { exact: true }).fill(FILE_PASSWORD);
  await b.examineWidths('dialog-log-export');
  const zip = await downloaded(() => save.click());
  check('nobody reads it without the password', zip.name.endsWith('.zip') && members(zip.path, 'Wrong-2026') === null, zip.name);
  check('with it the log is there', members(zip.path, FILE_PASSWORD)?.some(([name, text]) => name.endsWith('.txt') && text.includes(GOOD)));

  await b.open('lpr/debug', 'Debug Info Collection');
  await page.getByLabel('Encrypt Log Backup').check();
  await page.getByLabel('Password', { exact: true }).fill(FILE_PASSWORD);
  const bundle = await downloaded(() => button('Export').click());
  check('nobody reads the bundle either', members(bundle.path, 'Wrong-2026') === null);
  check('with the password it is there', members(bundle.path, FILE_PASSWORD)?.length >= 5);
}

/** DEBUG-3, 4, 5: a browser that can write files is stood in for; the headless one has nobody to choose a file. */
async function subscription() {
  await page.addInitScript(() => {
    globalThis.written = '';
    globalThis.showSaveFilePicker = async () => ({
      name: 'night.txt', createWritable: async () => ({ write: async (text) => (globalThis.written += text), close: async () => (globalThis.written += '(closed)') }),
    });
  });
  await b.open('lpr/debug', 'Debug Info Collection');
  await button('Browse').click();
  await page.getByText('Written to night.txt').waitFor();
  await page.getByRole('checkbox', { name: 'Save Config' }).check();
  await button('Subscribe for logs').click();
  await page.getByText('connected', { exact: true }).waitFor();
  check('the path is fixed meanwhile', (await button('Browse').isDisabled()) && (await page.getByRole('checkbox', { name: 'Save Config' }).isDisabled()));
  await b.set('device.general', { location: 'Live 1' });
  const shown = page.getByRole('log');
  await shown.getByText('device.general', { exact: false }).or(shown.getByText('General', { exact: false })).first().waitFor();
  await b.examineWidths('page-debug-live');
  await button('Clear subscription').click();
  await b.until('the file is closed', () => page.evaluate(() => globalThis.written.endsWith('(closed)')));
  const lines = (await page.evaluate(() => globalThis.written)).replace('(closed)', '').trim().split('\r\n');
  check('it holds what was shown', lines.length === 1 && lines[0].includes('save-config'), lines);
  check('another path may be chosen', await button('Browse').isEnabled());
  await b.set('device.general', { location: 'Live 2' });
  await button('Subscribe for logs').click();
  await button('Clear subscription').waitFor();
  check('what came between is left out', !(await shown.innerText()).includes('save-config'), await shown.innerText());
  await button('Clear subscription').click();
}

/** SYS-23, SYS-24 with a password: dry run, refusals, all or nothing. */
async function configuration() {
  await b.set('device.general', { name: 'East gate' });
  await b.open('system/maintenance', 'Upgrade and Maintenance');
  await button('Export').click();
  const password = dialog.getByLabel('Password of the file (optional)');
  const confirm = dialog.getByRole('button', { name: 'Export', exact: true });
  await password.fill('weak');
  await confirm.click();
  await dialog.locator('.error', { hasText: /\S/ }).waitFor();
  await password.fill(FILE_PASSWORD);
  await b.examineWidths('dialog-config-export');
  const exported = await downloaded(() => confirm.click());
  const sealed = readFileSync(exported.path, 'utf8');
  check('the file is sealed', sealed.includes('"sealed"') && !sealed.includes('East gate'));
  await b.set('device.general', { name: 'West gate' });

  const picker = page.getByLabel('Import Config');
  const take = async (name, text) => {
    writeFileSync(join(dir, name), text);
    await picker.setInputFiles(join(dir, name));
    await dialog.waitFor();
  };
  await take('picture.json', '\u0089PNG');
  await dialog.getByText('This is no configuration file.').waitFor();
  await page.keyboard.press('Escape');
  await take('other.json', '{"format":"something else"}');
  await dialog.locator('.banner.bad').waitFor();
  await page.keyboard.press('Escape');
  const damaged = JSON.parse(sealed);
  damaged.sealed.data = `${damaged.sealed.data.startsWith('A') ? 'B' : 'A'}${damaged.sealed.data.slice(1)}`;
  await take('damaged.json', JSON.stringify(damaged));
  await password.fill(FILE_PASSWORD);
  await button('Next').click();
  await dialog.locator('.banner.bad').or(dialog.locator('.error', { hasText: /\S/ })).first().waitFor();
  await page.keyboard.press('Escape');
  await take('good.json', sealed);
  await password.fill('Wrong-2026-key');
  await button('Next').click();
  await dialog.locator('.error', { hasText: /\S/ }).waitFor();
  await b.examineWidths('dialog-config-password');
  await password.fill(FILE_PASSWORD);
  await button('Next').click();
  await dialog.getByText('West gate').waitFor();
  await dialog.getByText('East gate').waitFor();
  check('so far nothing has changed', (await b.api('GET', '/settings/device.general')).body.value.name === 'West gate');
  await button('Apply').click();
  await page.getByText('Configuration loaded.').waitFor();
  check('then all of it', (await b.api('GET', '/settings/device.general')).body.value.name === 'East gate');
}

/** COMM-1: rules over the live picture, switched while somebody looks. */
async function rules() {
  const polygon = [{ x: -0.8, y: 0.6 }, { x: 0.2, y: 0.8 }, { x: 0.5, y: -0.4 }, { x: -0.6, y: -0.7 }];
  await b.set('video.masks', { masks: [{ token: 'Window', enabled: true, color: 'black', polygon }] });
  await b.open('lpr/commission', 'Device Commission');
  await page.getByRole('switch', { name: 'Show Plate Boxes' }).click();
  await page.getByRole('switch', { name: 'Show Rules' }).click();
  await b.save();
  await b.saved();
  await page.getByRole('link', { name: 'Live View' }).click();
  await b.until('the picture moves', async () => (await b.frames()) > 5);
  await b.until('the area is outlined', async () => (await b.boxes()) > 1000);
  await b.shot('live-rules');
  await b.set('lpr.commission', { show_rules: false });
  await b.until('and no more', async () => (await b.boxes()) === 0);
}

/** SYS-27, SYS-28, SEC-16: told without being asked, found by hand, fetched and started. */
async function online() {
  await b.until('the new version has proved itself', async () => (await asked('/upgrade'))?.last?.outcome === 'confirmed');
  await b.open('system/maintenance', 'Upgrade and Maintenance');
  await b.until('and the page says so', async () => (await fact('Last upgrade').innerText()) === `${GOOD} · confirmed`);
  const badge = page.getByRole('link', { name: `Version ${NEWER} is available`, exact: false });
  await b.until('a newer one is told', async () => (await badge.count()) > 0);
  await page.reload();
  await badge.first().waitFor();
  await button('Manual Check').click();
  await page.getByText(`Version ${NEWER} is available.`).waitFor();
  await b.examineWidths('page-upgrade-online');
  b.away = true;
  await button(`Install ${NEWER}`).click();
  await restarts(`Version ${NEWER} is being started`);
  await again();
  await b.open('system/maintenance', 'Upgrade and Maintenance');
  await b.until('the fetched version runs', async () => (await fact('Current version').innerText()) === NEWER);
}

/** SYS-19: the unit starts anew by itself when its clock says so. */
async function byItself() {
  const before = (await b.api('GET', '/maintenance')).body;
  b.away = true;
  const moved = await b.api('POST', '/time', { utc: new Date(Date.parse(before.next_restart) - 2000).toISOString() });
  check('the clock is put forward', moved.status === 200, moved);
  await b.until('the unit has started anew', async () => (await asked('/maintenance'))?.last_restart?.reason.includes('Auto Restart'));
  await page.goto(b.origin);
  await again();
  await b.open('system/maintenance', 'Upgrade and Maintenance');
  await b.until('and says why', async () => (await fact('Last restart').innerText()).includes('restart on request'));
  await b.open('system/log', 'System Log');
  await page.getByText('Auto Restart', { exact: false }).first().waitFor();
}

/** SYS-21, SYS-22, INIT-7. */
async function factory() {
  await b.open('system/maintenance', 'Upgrade and Maintenance');
  const section = page.locator('section', { has: page.getByRole('heading', { name: 'Settings as a whole' }) });
  await section.getByRole('button', { name: 'Default' }).click();
  const go = dialog.getByRole('button', { name: 'Default' });
  const typed = dialog.getByLabel('Type RESET to confirm');
  check('not before the word is typed', await go.isDisabled());
  await typed.fill('reset');
  check('nor after another', await go.isDisabled());
  await b.examineWidths('dialog-default');
  await typed.fill('RESET');
  b.away = true;
  await go.click();
  await restarts('The camera goes back to factory settings');
  await page.getByRole('heading', { name: 'Device Initialization' }).waitFor();
  check('it has its factory name again', !(await page.locator('header').innerText()).includes('East gate'));
}

const server = createServer((request, answer) => {
  const name = request.url.slice(1);
  answer.end(['versions.json', 'newer.pkg'].includes(name) ? readFileSync(packages(name)) : undefined);
}).listen(0, '127.0.0.1');
await once(server, 'listening');
try {
  await page.goto(b.origin);
  await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
  await page.getByLabel('Confirm password', { exact: true }).fill(PASSWORD);
  await button('OK').click();
  await page.waitForURL('**/live');
  token = (await b.api('POST', '/tokens', { name: 'the test', permissions: ['maintenance'] })).body.token;
  await about();
  await services();
  await schedule(`http://127.0.0.1:${server.address().port}`);
  await upgradeByFile();
  await log();
  await subscription();
  await configuration();
  await rules();
  await online();
  await byItself();
  await factory();
} catch (error) {
  await b.shot('failed-maintenance');
  console.error(`problems so far:\n${b.problems.join('\n')}`);
  throw error;
} finally {
  rmSync(dir, { recursive: true });
  server.close();
}
await b.end();
