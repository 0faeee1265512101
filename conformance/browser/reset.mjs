/** The e-mail page, and a lost password of `admin` found again: by the owner's own key, and by a mailed code. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Browser, check, PASSWORD, WCAG } from './camera.mjs';
import { MailServer } from './mail-server.mjs';

const SECOND = 'Owner-2026-two';
const THIRD = 'Owner-2026-three';
const WRONG_CODE = 'AAAAA-AAAAA';

const b = await Browser.start('http', process.env.HTTP_PORT);
const { page, dialog } = b;
const button = (name) => b.button(name);
const server = await MailServer.start();
const dir = mkdtempSync(join(tmpdir(), 'reset-'));
const key = join(dir, 'reset.key');
const platecam = (...args) => execFileSync(process.env.PLATECAM, args, { encoding: 'utf8' });

/** MAIL-1..5, 7..9. */
async function email() {
  await b.open('network/email', 'Email');
  await page.getByText('What is mailed leaves the unit').waitFor();
  // What is entered as soon as the page is there counts.
  const enabled = page.getByRole('switch').first();
  await enabled.click();
  await page.waitForLoadState('networkidle');
  check('a switch stays as it was put', (await enabled.getAttribute('aria-checked')) === 'true');
  await page.getByLabel('Sender').fill('camera@example.org');
  await page.getByLabel('SMTP Server').fill('127.0.0.1');
  await page.getByLabel('Port', { exact: true }).fill(String(server.port));
  await page.getByRole('radio', { name: 'SSL' }).check();
  await page.getByLabel('CA Certificate', { exact: true }).fill(server.certificate);
  const receiver = (n) => page.getByLabel(`Mail Receiver ${n}`, { exact: true });
  for (const [n, name] of ['gate', 'office', 'nobody'].entries()) {
    await button('Add').click();
    await receiver(n + 1).fill(`${name}@example.org`);
  }
  check('a fourth receiver cannot be added', (await button('Add').count()) === 0);
  await receiver(3).fill('nobody');
  await b.save();
  await page.getByText('is not an e-mail address').waitFor();
  await b.examineWidths('page-email-refused');
  await button('Remove nobody').click();
  await b.save();
  await b.saved();
  await button('Test').click();
  await page.getByText(/Sent in \d+ ms/).waitFor();
  const [message] = server.messages;
  check('the test message came', message?.from === 'camera@example.org' && message.to.join() === 'gate@example.org,office@example.org', server.messages);

  await b.set('net.mail', { ca_certificate: '' });
  await button('Test').click();
  await page.locator('.banner.bad').waitFor();
  check('an unknown server gets nothing', server.messages.length === 1, server.messages);
  await b.set('net.mail', { ca_certificate: server.certificate });
}

/** AUTH-16, AUTH-17. */
async function open(publicKey) {
  await b.open('system/password-reset', 'Password Reset');
  await page.getByRole('switch').first().click();
  await page.getByLabel('Mailbox').fill('reset@example.org');
  await page.getByLabel('Public Key').fill('nonsense');
  await b.save();
  await page.getByText('is not an X25519 public key').waitFor();
  await page.getByLabel('Public Key').fill(publicKey);
  await b.save();
  await b.saved();
  const address = page.getByLabel('Email Address');
  await address.fill('owner@nowhere@example.org');
  await b.save();
  await page.locator('.error', { hasText: /\S/ }).first().waitFor();
  await address.fill('owner@example.org');
  await b.save();
  await b.until('the address is stored', async () => (await b.api('GET', '/users/admin')).body.email === 'owner@example.org');
  await page.reload();
  await b.until('and shown again', async () => (await address.inputValue()) === 'owner@example.org');
}

/** From the login to the notice (AUTH-9, AUTH-11). */
async function forgot() {
  await page.goto(`${b.origin}/login`);
  await page.getByRole('link', { name: 'Forgot password?' }).click();
  const serial = page.getByText(/^SN: /);
  await serial.waitFor();
  check('the serial number is masked', /^SN: ..\*+/.test(await serial.innerText()), await serial.innerText());
}

const steps = async (n) => {
  check(`step ${n} of "1 Security Code, 2 Password Reset"`, (await page.locator('.steps li').allInnerTexts()).join() === '1 Security Code,2 Password Reset');
  check('is marked', (await page.locator('.steps [aria-current="step"]').innerText()).startsWith(String(n)));
};

async function enterCode(code) {
  await page.getByLabel('Security code').fill(code);
  await button('Next').click();
}

/** Step 2: the rules of passwords hold (AUTH-14, USER-8, USER-9). */
async function choose(password) {
  await page.getByLabel('New password').waitFor();
  await steps(2);
  const [one, two] = [page.getByLabel('New password'), page.getByLabel('Confirm password')];
  await one.fill('weak');
  await two.fill('weak');
  await button('OK').click();
  check('a weak password is refused with its rules', (await page.locator('.rules li.bad').count()) >= 2);
  await one.fill(password);
  await two.fill(`${password}x`);
  await button('OK').click();
  await page.getByText('The two passwords are not the same.').waitFor();
  await b.examine('page-reset-password', WCAG);
  await two.fill(password);
  await button('OK').click();
  await page.getByText('Password changed. Log in with the new one.').waitFor();
}

async function withTheOwnersKey() {
  await forgot();
  check('no code before the notice is accepted', (await page.getByRole('img', { name: 'QR code' }).count()) === 0);
  await b.examineWidths('page-reset-notice');
  await button('OK, I accept').click();
  await page.getByRole('img', { name: 'QR code' }).waitFor();
  await steps(1);
  await page.getByText('send the result to reset@example.org').waitFor();
  await page.getByText('Show the text').click();
  await b.examineWidths('page-reset-code');
  const text = await page.locator('details code').innerText();
  const answer = platecam('reset-code', '--key', key, text);
  check('the text names the stored address', /^email\towner@example\.org$/m.test(answer), answer);
  const code = /^code\t(.*)$/m.exec(answer)[1];
  await enterCode(WRONG_CODE);
  await page.locator('.error', { hasText: /\S/ }).waitFor();
  await enterCode(code);
  await choose(SECOND);
  return code;
}

async function byMail(old) {
  await b.open('system/password-reset', 'Password Reset');
  await page.getByRole('switch').nth(1).click();
  await b.save();
  await b.saved();
  await b.logout();
  await forgot();
  await button('OK, mail me a code').click();
  const told = page.getByText('A security code was sent to');
  await told.waitFor();
  const masked = await told.innerText();
  check('the address is masked', /o\*+.*@/.test(masked) && !masked.includes('owner'), masked);
  const message = server.messages.at(-1);
  check('the code went to the stored address alone', message.to.join() === 'owner@example.org', message);
  await enterCode(old);
  await page.locator('.error', { hasText: /\S/ }).waitFor();
  check('a used code is refused', true);
  await b.examineWidths('page-reset-mailed');
  await enterCode(/Security code: (\S+)/.exec(message.text)[1]);
  await choose(THIRD);
}

try {
  await page.goto(b.origin);
  await b.login('admin', PASSWORD);
  await email();
  await open(platecam('reset-key', '--out', key).trim());
  const elsewhere = await b.guest();
  await elsewhere.page.goto(b.origin);
  await elsewhere.login('admin', PASSWORD);
  await b.logout();
  const code = await withTheOwnersKey();
  await elsewhere.page.getByText('Your session has ended. Please log in again.').waitFor();
  check('all sessions of admin have ended (AUTH-14)', true);
  await b.credentials('admin', PASSWORD);
  await page.getByText('Username or password is wrong.').waitFor();
  await b.login('admin', SECOND);
  await byMail(code);
  await b.login('admin', THIRD);
  await b.open('system/log', 'System Log');
  await page.getByText("The password of 'admin' was reset by a security code.").first().waitFor();
  const log = await page.locator('tbody').innerText();
  check('no password is in the log (LOG-8)', [PASSWORD, SECOND, THIRD].every((one) => !log.includes(one)));
} catch (error) {
  await b.shot('failed-reset');
  console.error(`problems so far:\n${b.problems.join('\n')}`);
  throw error;
} finally {
  rmSync(dir, { recursive: true });
  await server.stop();
}
await b.end();
