/** The pages of Setting at their own work; `walk.mjs` looks at every one of them. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Browser, check, PASSWORD, WCAG } from './camera.mjs';

const PLAIN = 'Plain-2026-user';

const b = await Browser.start('http', process.env.HTTP_PORT);
const { page } = b;
const button = (name, exact) => b.button(name, exact);
const save = () => b.save();
const saved = () => b.saved();
const heading = (name) => page.getByRole('heading', { name, level: 1, exact: true }).waitFor();
const open = (path, name) => b.open(path, name);
const login = (user, password) => b.login(user, password);
const examine = (name) => b.examineWidths(name);

try {
  await page.goto(b.origin);
  await login('admin', PASSWORD);

  // One tree, several ways to a page (UI-6).
  await page.goto(`${b.origin}/setting/system-setting/user-management/account/user`);
  await heading('User');
  check('the manual’s path leads to the page', page.url().endsWith('/setting/system/users'), page.url());

  // The device icon (UI-2).
  await button('About this device', false).first().click();
  await page.getByRole('dialog').getByRole('img').waitFor();
  await page.keyboard.press('Escape');

  // General (SYS-1): save, reload, see it; a wrong value; the guard; the conflict.
  await open('system/general', 'General Settings');
  const name = page.getByLabel('Device Name');
  await name.fill('North gate');
  await save();
  await saved();
  await page.reload();
  await b.until('the name is shown again', async () => (await name.inputValue()) === 'North gate');
  check('and in the title bar', await page.locator('.brand').getByText('North gate').isVisible());
  await name.fill('');
  await save();
  await b.until('a wrong name is refused at its field', async () => /63/.test(await page.locator('.row.wrong .error').first().innerText().catch(() => '')));
  await page.getByRole('link', { name: 'Time Settings' }).click();
  await page.getByRole('dialog').getByText('not saved', { exact: false }).first().waitFor();
  await button('Stay here').click();
  check('the guard keeps the page', page.url().endsWith('/general'));
  await name.fill('South gate');
  await b.set('device.general', { location: 'Yard' });
  await button('Resolve').click();
  await b.shot('dialog-conflict');
  await button('Put my changes on top').click();
  await b.until('my change is on top of the other', async () => (await name.inputValue()) === 'South gate' && (await page.getByLabel('Location', { exact: true }).inputValue()) === 'Yard');
  await save();
  await saved();

  // Who changed what.
  await page.getByTitle('Show the changes').first().click();
  await page.getByRole('dialog').getByText('South gate').first().waitFor();
  await b.examine('dialog-history', WCAG);
  await page.keyboard.press('Escape');

  // Time (SYS-8..12).
  await open('system/time', 'Time Settings');
  await page.getByLabel('Time Zone').selectOption({ label: await page.getByLabel('Time Zone').locator('option', { hasText: 'America/New_York' }).first().innerText() });
  await page.getByLabel('Date Format').selectOption({ label: 'YYYY-MM-DD' });
  await save();
  await saved();
  await page.reload();
  await b.until('the clock has the format', async () => /^\d{4}-\d\d-\d\d/.test(await page.locator('.big').innerText().catch(() => '')));
  await button('Sync PC').click();
  await page.getByText('The clock was set.').waitFor();

  // Port (NET-16): a reserved port.
  await open('network/port', 'Port');
  await page.getByLabel('HTTP Port', { exact: true }).fill('5050');
  await save();
  await b.until('a reserved port is refused at its field', async () => /reserved/.test(await page.locator('.row.wrong .error').first().innerText().catch(() => '')));
  await button('Refresh').click();
  await button('Discard my changes').click();

  // What is wrong is told on every page while it holds, and marked in the tree (webui map: top bar; HTTPS-10).
  const install = async (alias, days) => {
    const made = await b.api('POST', '/certificates', { alias, subject: { common_name: 'camera.test' }, valid_days: days });
    check(`certificate of ${days} days`, made.status === 201, made);
    const installed = await b.api('POST', `/certificates/${made.body.id}/install`);
    check('and installed', installed.status === 204, installed);
  };
  const badge = page.getByRole('status', { name: 'State of the camera' }).getByRole('link', { name: 'The certificate of HTTPS ends soon' });
  check('nothing is told of a sound certificate', (await badge.count()) === 0);
  await install('short', 1);
  await badge.waitFor();
  await page.locator('#tree a', { hasText: 'HTTPS' }).getByText('The certificate of HTTPS ends soon').waitFor({ state: 'attached' });
  await examine('page-badges');
  await badge.click();
  await heading('HTTPS');
  await install('long', 300);
  await badge.waitFor({ state: 'detached' });

  // Remote log (RLOG-1..3).
  await open('network/remote-log', 'Remote Log');
  const server = createSocket('udp4').bind(0, '127.0.0.1');
  await once(server, 'listening');
  await page.getByLabel('IP Address', { exact: true }).fill('127.0.0.1');
  await page.getByLabel('Port', { exact: true }).fill(String(server.address().port));
  await page.getByRole('switch').first().click();
  await save();
  await saved();
  await button('Test').click();
  await page.getByText(/Sent in \d+ ms/).waitFor();
  server.close();

  // Users and groups (USER-2, 16), permission hidden (UI-5).
  await open('system/groups', 'Edit Permission');
  await button('Add Group').click();
  await page.getByLabel('Group', { exact: true }).fill('guards');
  await page.getByRole('dialog').getByRole('checkbox', { name: 'Search records' }).check();
  await b.examine('dialog-group', WCAG);
  await save();
  await saved();
  await open('system/users', 'User');
  await button('Add User').click();
  const dialog = page.getByRole('dialog');
  await save();
  check('an empty user is refused at its field', (await dialog.locator('[aria-invalid="true"]').count()) > 0);
  await dialog.getByLabel('Username').fill('guard1');
  await dialog.getByLabel('New password', { exact: false }).first().fill(PLAIN);
  await dialog.getByLabel('Confirm password').fill(PLAIN);
  await dialog.getByLabel('Group', { exact: true }).selectOption('guards');
  await b.examine('dialog-user', WCAG);
  await save();
  await saved();
  await page.locator('tbody tr', { hasText: 'guard1' }).first().waitFor();

  // Own account: a token is shown once.
  await open('system/my-account', 'My Account');
  await button('Add token').first().click();
  await dialog.getByLabel('Name').fill('barrier PLC');
  await dialog.getByRole('button', { name: 'Add token' }).click();
  check('the token is shown', (await dialog.getByLabel('Token').inputValue()).startsWith('pct_'));
  await button('Close').last().click();

  // Online (USER-20).
  await open('system/online', 'Online User');
  await page.locator('tbody tr', { hasText: 'admin' }).first().waitFor();

  // Log (LOG-2): saved settings are there.
  await open('system/log', 'System Log');
  await page.getByLabel('Type').selectOption({ label: 'Save Config' });
  await button('Search').click();
  await b.until('saved settings are in the log', async () => (await page.locator('tbody tr').count()) > 2);
  await page.locator('tbody tr button').first().click();
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await button('Export').click();
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('dialog').getByRole('link', { name: 'Export', exact: true }).click()]);
  check('the log is a text file', file.suggestedFilename().endsWith('.txt'), file.suggestedFilename());

  // Commission (COMM-1, 3, 6) and debug information (DEBUG-1).
  await open('lpr/commission', 'Device Commission');
  await page.getByLabel('Plate No.').fill('TST 123');
  await button('Test').first().click();
  await page.getByText('Test read of TST123 made.').waitFor();
  await button('Check').click();
  await page.locator('article ul li').or(page.getByText('Nothing abnormal found', { exact: false })).first().waitFor();
  await open('lpr/debug', 'Debug Info Collection');
  const [bundle] = await Promise.all([page.waitForEvent('download'), button('Export').click()]);
  check('the bundle is a ZIP', bundle.suggestedFilename().endsWith('.zip'), bundle.suggestedFilename());

  // The configuration as a file: out, changed, in again with its differences; Restore (SYS-20, SYS-23, SYS-24).
  await open('system/maintenance', 'Upgrade and Maintenance');
  await button('Export').click();
  const [exported] = await Promise.all([page.waitForEvent('download'), page.getByRole('dialog').getByRole('button', { name: 'Export', exact: true }).click()]);
  const path = await exported.path();
  await button('Restore').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Restore' }).click();
  await page.getByText(/sections? restored/).waitFor();
  await page.getByLabel('Import Config').setInputFiles(path);
  await page.getByRole('dialog').getByText('South gate').first().waitFor();
  await b.examine('dialog-import', WCAG);
  await button('Apply').click();
  await page.getByText('Configuration loaded.').waitFor();
  await open('system/general', 'General Settings');
  await b.until('the import brought the name back', async () => (await name.inputValue()) === 'South gate');

  // Reboot (SYS-18): asks first, then covers the page until the unit answers.
  await open('system/maintenance', 'Upgrade and Maintenance');
  await button('Reboot').click();
  await page.getByRole('dialog').getByText('interrupted', { exact: false }).waitFor();
  b.away = true;
  await page.getByRole('dialog').getByRole('button', { name: 'Reboot' }).click();
  await page.getByRole('heading', { name: 'The camera restarts' }).waitFor();
  await b.shot('restart');
  await b.until('and is back', async () => (await page.getByRole('heading', { name: 'The camera restarts' }).count()) === 0);
  const gate = page.getByRole('button', { name: 'Log in' });
  await gate.or(button('Log out')).first().waitFor();
  b.away = false;
  if ((await gate.count()) === 0) await button('Log out').click();

  // A plain user: no user management, no maintenance (UI-5).
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  await login('guard1', PLAIN);
  await page.goto(`${b.origin}/setting/system/legal`);
  await heading('Legal Information');
  check('pages without permission are not in the menu', (await page.locator('#tree a', { hasText: 'Upgrade and Maintenance' }).count()) === 0);
  await page.goto(`${b.origin}/setting/system/users`);
  await page.getByText('your account may not use it', { exact: false }).waitFor();
} catch (error) {
  await b.shot('failed-pages');
  console.error(`problems so far:\n${b.problems.join('\n')}`);
  throw error;
}
await b.end();
