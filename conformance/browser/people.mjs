/** Users, groups, sessions, second factor, lock-out and expired passwords, as people meet them in the browser. */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Browser, check, PASSWORD } from './camera.mjs';

const GUARD = 'Guard-2026-one';
const SECOND = 'Guard-2026-two';
const THIRD = 'Guard-2026-three';
const OWNER = 'Gate-2026-other';
const DAY_MS = 86_400_000;

/** RFC 6238 with SHA-1, six digits and 30 s, as authenticator apps do it. */
function totp(secret, step) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const hash = createHmac('sha1', key).update(counter).digest();
  const at = hash[19] & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}
/** The unit takes each step once, one early is good: never the same twice, and nobody waits. */
let used = 0;
const next = () => (used = Math.max(used + 1, Math.floor(Date.now() / 30_000)));

const b = await Browser.start('http', process.env.HTTP_PORT);
const { page, dialog } = b;
const button = (name) => b.button(name);
const row = (text) => page.locator('tbody tr', { hasText: text }).first();
/** Types a password and its confirmation into the form at `place`. */
async function passwords(place, one, two) {
  await place.getByLabel('New password').fill(one);
  await place.getByLabel('Confirm password').fill(two);
}

async function secondFactor() {
  await b.open('system/my-account', 'My Account');
  await button('Set up').click();
  await dialog.getByLabel('Current password').fill('Wrong-2026');
  await dialog.getByRole('button', { name: 'Next' }).click();
  await dialog.locator('.error', { hasText: /\S/ }).waitFor();
  await dialog.getByLabel('Current password').fill(PASSWORD);
  await dialog.getByRole('button', { name: 'Next' }).click();
  await dialog.getByRole('img', { name: 'QR code for the authenticator app' }).waitFor();
  await b.examineWidths('dialog-totp');
  const secret = await dialog.locator('code').innerText();
  const code = dialog.getByRole('textbox', { name: 'Code' });
  await code.fill(totp(secret, 1000));
  await dialog.getByRole('button', { name: 'Next' }).click();
  await dialog.locator('.error', { hasText: /\S/ }).waitFor();
  await code.fill(totp(secret, next()));
  await dialog.getByRole('button', { name: 'Next' }).click();
  await dialog.getByText('The second factor is active.').waitFor();
  await b.examineWidths('dialog-recovery');
  const [file] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Save as a file' }).click()]);
  const recovery = readFileSync(await file.path(), 'utf8').trim().split('\r\n');
  check('ten recovery codes', recovery.length === 10, recovery);
  await button('Close').last().click();
  await b.open('system/users', 'User');
  await row('admin').getByText('second factor').waitFor();

  await b.logout();
  await b.credentials('admin', PASSWORD);
  const asked = page.getByLabel('Code');
  await asked.waitFor();
  await b.examineWidths('page-login-code');
  const enter = async (text) => {
    await asked.fill(text);
    await button('Log in').click();
  };
  await enter('000000');
  await page.getByText('The code is wrong.').waitFor();
  const good = totp(secret, next());
  await enter(good);
  await page.locator('#main').waitFor();
  await b.logout();
  await b.credentials('admin', PASSWORD);
  await enter(good);
  await page.getByText('The code is wrong.').waitFor();
  await enter(recovery[0]);
  await page.locator('#main').waitFor();
  await b.open('system/my-account', 'My Account');
  await page.getByText('9 recovery codes left').waitFor();
  await button('Switch off').click();
  await dialog.getByLabel('Current password').fill(PASSWORD);
  await dialog.getByRole('button', { name: 'Switch off' }).click();
  await button('Set up').waitFor();
}

/** USER-2, 7, 9, 11, 12, 16..19. */
async function usersAndGroups() {
  await b.open('system/groups', 'Edit Permission');
  for (const name of ['admin', 'operator', 'user']) {
    const builtIn = page.locator('tbody tr').filter({ has: page.getByText(name, { exact: true }) }).filter({ hasText: 'built in' });
    await builtIn.first().waitFor();
  }
  check('built-in groups cannot be deleted', (await page.getByRole('button', { name: /^Delete group/ }).count()) === 0);
  await button('Add Group').click();
  await dialog.getByLabel('Group', { exact: true }).fill('no blanks');
  await b.save();
  await dialog.locator('.error', { hasText: /\S/ }).first().waitFor();
  await dialog.getByLabel('Group', { exact: true }).fill('guards');
  await dialog.getByRole('checkbox', { name: 'Search records' }).check();
  await b.save();
  await b.saved();
  await button('Edit group guards').click();
  check('the name of a group is fixed', (await dialog.getByLabel('Group', { exact: true }).count()) === 0);
  await dialog.getByLabel('Remarks').fill('Gate house');
  await dialog.getByRole('checkbox', { name: 'Manual snapshot' }).check();
  await b.save();
  await row('Gate house').waitFor();
  const rights = (await b.api('GET', '/groups')).body.find((g) => g.name === 'guards').permissions;
  check('rights and remark of the group are changed', ['live-view', 'search-records', 'manual-snapshot'].every((p) => rights.includes(p)), rights);

  await b.open('system/users', 'User');
  check('the built-in user cannot be deleted', (await page.getByRole('button', { name: 'Delete user admin' }).count()) === 0);
  await button('Add User').click();
  await dialog.getByLabel('Username').fill('guard1');
  await dialog.getByLabel('Group', { exact: true }).selectOption('guards');
  await passwords(dialog, GUARD, `${GUARD}x`);
  await b.save();
  await dialog.getByText('The two passwords are not the same.').waitFor();
  check('a strong password is called so', await dialog.getByText('strong', { exact: true }).isVisible());
  await passwords(dialog, GUARD, GUARD);
  await b.save();
  await row('guard1').waitFor();
  // Fewer rights than the group, a remark, another password.
  await button('Edit user guard1').click();
  await dialog.getByRole('checkbox', { name: 'As the group' }).uncheck();
  check('a right that the group lacks cannot be given', await dialog.getByRole('checkbox', { name: 'Maintenance' }).isDisabled());
  await dialog.getByRole('checkbox', { name: 'Manual snapshot' }).uncheck();
  await dialog.getByLabel('Remarks').fill('Night shift');
  await dialog.getByLabel('Confirm password').fill(SECOND);
  await b.save();
  check('a confirmation without a password is refused', await dialog.getByText('The two passwords are not the same.').isVisible());
  await passwords(dialog, SECOND, SECOND);
  await b.examineWidths('dialog-user-edit');
  await b.save();
  await row('Night shift').getByText('2 permissions').waitFor();

  await b.open('system/groups', 'Edit Permission');
  await button('Delete group guards').click();
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
  await dialog.locator('.banner.bad').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  check('a group with members stays', await row('Gate house').isVisible());
}

/** USER-20, USER-21, SEC-14: ended by an administrator, the other sees why. */
async function online(guest) {
  await b.open('system/online', 'Online User');
  await guest.page.goto(b.origin);
  await guest.login('guard1', SECOND);
  const entry = row('guard1');
  await entry.waitFor();
  for (const text of ['guards', '127.0.0.1', 'Web']) check(`the list shows ${text}`, await entry.getByText(text, { exact: true }).first().isVisible());
  await b.examineWidths('page-online');
  await entry.getByRole('button').click();
  await dialog.getByRole('button', { name: 'End session' }).click();
  await b.until('the ended session leaves the list', async () => (await row('guard1').count()) === 0);
  await guest.page.getByText('Your session has ended. Please log in again.').waitFor();
}

/** AUTH-5: account and address are locked, the time left runs, an administrator unlocks. */
async function lockOut(guest) {
  for (let i = 0; i < 4; i++) {
    await guest.credentials('guard1', 'Wrong-2026');
    await guest.page.getByText('Username or password is wrong.').waitFor();
    await guest.until('the password is to be typed anew', async () => (await guest.page.getByLabel('Password', { exact: true }).inputValue()) === '');
  }
  await guest.credentials('guard1', 'Wrong-2026');
  const banner = guest.page.locator('.banner.warn');
  const left = async () => {
    const [, minutes, seconds] = /(\d+):(\d\d)/.exec(await banner.innerText());
    return Number(minutes) * 60 + Number(seconds);
  };
  await guest.page.getByText('Too many failed logins.').waitFor();
  const first = await left();
  check('locked for some minutes', first > 60 && first <= 300, `${first} s`);
  check('no login meanwhile', await guest.button('Log in').isDisabled());
  await guest.until('the time left runs', async () => (await left()) < first);
  await guest.examineWidths('page-login-locked');
  // It does not matter which page asks: the right password is refused too.
  await guest.page.reload();
  await guest.credentials('guard1', SECOND);
  await guest.page.getByText('Too many failed logins.').waitFor();

  await b.open('system/users', 'User');
  await row('guard1').getByText(/locked for/).waitFor();
  const unlock = page.getByRole('button', { name: /^Unlock/ });
  check('account and address are locked', (await unlock.count()) === 2, `${await unlock.count()}`);
  await b.examineWidths('page-users-locked');
  for (let n = 2; n > 0; n--) {
    await unlock.first().click();
    await b.until(`${n - 1} locks left`, async () => (await unlock.count()) === n - 1);
  }
  await guest.page.reload();
  await guest.login('guard1', SECOND);
  await guest.logout();
}

/** SYS-32, AUTH-8, USER-9: two days later the password of yesterday has to be changed before anything else. */
async function expired(guest) {
  await b.open('system/services', 'System Service');
  const days = page.getByLabel('Password Expires in');
  await days.fill('400');
  await b.save();
  await b.until('too many days are refused', async () => /365/.test(await page.locator('.row.wrong .error').first().innerText().catch(() => '')));
  await days.fill('1');
  await b.save();
  await b.saved();
  const ahead = await b.api('POST', '/time', { utc: new Date(Date.now() + 2 * DAY_MS).toISOString() });
  check('the clock is two days ahead', ahead.status === 200, ahead);

  const at = guest.page;
  await guest.credentials('guard1', SECOND);
  await at.getByRole('heading', { name: 'Your password has expired' }).waitFor();
  await guest.examineWidths('page-login-expired');
  await at.goto(`${b.origin}/live`);
  await at.getByRole('heading', { name: 'Your password has expired' }).waitFor();
  check('nothing else is allowed', (await guest.api('GET', '/status')).status === 403);
  const submit = () => guest.button('Change password').click();
  const current = at.getByLabel('Current password');
  await submit();
  check('the current password is asked for', (await current.getAttribute('aria-invalid')) === 'true');
  await current.fill(SECOND);
  await passwords(at, THIRD, `${THIRD}x`);
  await submit();
  await at.getByText('The two passwords are not the same.').waitFor();
  await passwords(at, THIRD, THIRD);
  await current.fill('Wrong-2026');
  await submit();
  await at.locator('.error', { hasText: /\S/ }).first().waitFor();
  await current.fill(SECOND);
  await submit();
  await at.locator('#main').waitFor();
  check('the new password opens the unit', (await guest.api('GET', '/status')).status === 200);
  await guest.logout();

  // Who works meanwhile is led there too, and works on with the new password.
  await page.getByRole('heading', { name: 'Your password has expired' }).waitFor();
  await page.getByLabel('Current password').fill(PASSWORD);
  await passwords(page, OWNER, OWNER);
  await button('Change password').click();
  await page.locator('#main').waitFor();
  // The clock back, no expiry, and the password of before for what comes after.
  const back = await b.api('POST', '/time', { utc: new Date().toISOString() });
  check('the clock is right again', back.status === 200, back);
  await b.set('security.password', { expires_days: 0 });
  const changed = await b.api('PUT', '/session/password', { current: OWNER, password: PASSWORD, confirm: PASSWORD });
  check('the password of before', changed.status === 201, changed);
}

try {
  await page.goto(b.origin);
  await b.login('admin', PASSWORD);
  const menu = await page.getByRole('navigation').first().getByRole('link').allInnerTexts();
  check('three main functions (UI-1)', menu.map((t) => t.trim()).join() === 'Live View,File Search,Setting', menu);
  await secondFactor();
  await usersAndGroups();
  const guest = await b.guest();
  await online(guest);
  await lockOut(guest);
  await expired(guest);

  // The user and the group go (USER-11, USER-17).
  await b.open('system/users', 'User');
  await button('Delete user guard1').click();
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
  await b.until('the user is gone', async () => (await button('Delete user guard1').count()) === 0);
  await guest.credentials('guard1', THIRD);
  await guest.page.getByText('Username or password is wrong.').waitFor();
  await b.open('system/groups', 'Edit Permission');
  await button('Delete group guards').click();
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
  await b.until('and the group', async () => (await row('Gate house').count()) === 0);
} catch (error) {
  await b.shot('failed-people');
  console.error(`problems so far:\n${b.problems.join('\n')}`);
  throw error;
}
await b.end();
