/** The pages HTTPS and TCP/IP as their owner uses them; the network is a simulated one. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Browser, check, PASSWORD } from './camera.mjs';

const b = await Browser.start('http', process.env.HTTP_PORT);
const { page, dialog } = b;
const dir = mkdtempSync(join(tmpdir(), 'network-'));
const at = (name) => join(dir, name);
const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const row = (name) => page.locator('tbody tr', { hasText: name });
const button = (name) => b.button(name);
const FILE_PASSWORD = 'File-2026-key';

async function downloaded(click) {
  const [file] = await Promise.all([page.waitForEvent('download'), click()]);
  return file.path();
}
/** Fills in the dialog that is open and sends it. */
async function send(action) {
  await dialog.getByRole('button', { name: action, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}
async function install(name) {
  await row(name).getByRole('button', { name: 'Install' }).click();
  await send('Install');
  await row(name).getByText('In use').waitFor();
}
/** Who answers on the HTTPS port: subject and issuer. */
const served = () => {
  const shown = openssl('s_client', '-connect', `127.0.0.1:${process.env.HTTPS_PORT}`, '-showcerts');
  return shown.slice(0, shown.indexOf('-----BEGIN'));
};

/** HTTPS-1..5, HTTPS-9: made, requested, uploaded in both forms, served, deleted. */
async function certificates() {
  await b.open('network/https', 'HTTPS');
  await button('Create certificate').click();
  await dialog.getByLabel('Name', { exact: true }).fill('own');
  await dialog.getByLabel('Country (two letters)').fill('USA');
  await dialog.getByLabel('Common name').fill('gate.example.org');
  await dialog.getByLabel('Days valid').fill('9999');
  await dialog.getByRole('button', { name: 'Create certificate' }).click();
  await b.until('a wrong value is refused at its field', async () => /3650/.test(await dialog.locator('.error').allInnerTexts().then((all) => all.join())));
  await b.examineWidths('dialog-certificate');
  await dialog.getByLabel('Country (two letters)').fill('US');
  await dialog.getByLabel('Days valid').fill('300');
  await send('Create certificate');
  await install('own');
  check('it is served', /gate\.example\.org/.test(served()), served());
  const root = await downloaded(() => page.getByRole('link', { name: 'Download RootCert.cer' }).click());
  const shown = openssl('x509', '-inform', 'DER', '-in', root, '-noout', '-fingerprint', '-sha256').split('=')[1].replaceAll(':', '').trim().toLowerCase();
  check('the root is the one whose fingerprint is shown', (await page.locator('.print').innerText()).toLowerCase().includes(shown), shown);

  // A request, signed by an authority of the owner's.
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Owner CA', '-days', '30');
  await button('Create request').click();
  await dialog.getByLabel('Name', { exact: true }).fill('asked');
  await dialog.getByLabel('Common name').fill('asked.example.org');
  await send('Create request');
  const request = await downloaded(() => row('asked').getByRole('link', { name: 'Download request' }).click());
  openssl('x509', '-req', '-in', request, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'signed.pem', '-days', '90');
  await row('asked').getByRole('button', { name: 'Upload signed certificate' }).click();
  await dialog.getByLabel('Certificate file').setInputFiles(at('ca.pem'));
  await dialog.getByRole('button', { name: 'Upload certificate' }).click();
  await dialog.locator('.error', { hasText: 'is not for the key of this request' }).waitFor();
  await dialog.getByLabel('Certificate file').setInputFiles(at('signed.pem'));
  await send('Upload certificate');
  await install('asked');
  check('the owner’s authority is served', /Owner CA/.test(served()), served());

  // From elsewhere, as PEM and as PKCS#12.
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'pem.key', '-out', 'pem.pem', '-subj', '/CN=pem.example.org', '-days', '90');
  await button('Upload certificate').click();
  await dialog.getByLabel('Name', { exact: true }).fill('from-pem');
  await dialog.getByLabel('Certificate file').setInputFiles(at('pem.pem'));
  await dialog.getByLabel('Private key file').setInputFiles(at('ca.key'));
  await dialog.getByRole('button', { name: 'Upload certificate' }).click();
  await dialog.locator('.error', { hasText: 'does not fit' }).waitFor();
  await dialog.getByLabel('Private key file').setInputFiles(at('pem.key'));
  await b.examineWidths('dialog-upload');
  await send('Upload certificate');
  await row('from-pem').waitFor();
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'p12.key', '-out', 'p12.pem', '-subj', '/CN=p12.example.org', '-days', '90');
  openssl('pkcs12', '-export', '-inkey', 'p12.key', '-in', 'p12.pem', '-passout', `pass:${FILE_PASSWORD}`, '-out', 'file.p12');
  await button('Upload certificate').click();
  await dialog.getByRole('radio', { name: 'PKCS#12 file' }).check();
  await dialog.getByLabel('Name', { exact: true }).fill('from-p12');
  await dialog.locator('input[type=file]').setInputFiles(at('file.p12'));
  await dialog.getByLabel('Password of the file').fill('Wrong-2026');
  await dialog.getByRole('button', { name: 'Upload certificate' }).click();
  await dialog.locator('.error', { hasText: 'does not open the file' }).waitFor();
  await dialog.getByLabel('Password of the file').fill(FILE_PASSWORD);
  await send('Upload certificate');
  await install('from-p12');
  check('and the one from PKCS#12', /p12\.example\.org/.test(served()), served());
  check('what is served cannot be deleted', (await row('from-p12').getByRole('button', { name: 'Delete' }).count()) === 0);
  const copy = await downloaded(() => row('from-p12').getByRole('link', { name: 'Download certificate' }).click());
  check('a download has no key', !readFileSync(copy, 'utf8').includes('PRIVATE'));
  await row('from-pem').getByRole('button', { name: 'Delete' }).click();
  await send('Delete');
  await b.until('it is gone', async () => (await row('from-pem').count()) === 0);
}

/** NET-2, NET-5..10: refused at its field; on trial with the way to it; taken back by hand. */
async function address() {
  await b.open('network/tcp-ip', 'TCP/IP');
  const form = page.locator('form').first();
  await form.getByRole('switch', { name: 'Managed by the camera' }).or(form.getByRole('switch').first()).first().click();
  await form.getByRole('radio', { name: 'static', exact: false }).first().check();
  await form.getByLabel('IP Address', { exact: true }).first().fill('192.0.2.77');
  await form.getByLabel('Default Gateway', { exact: true }).first().fill('198.51.100.1');
  await b.save();
  await b.until('a gateway elsewhere is refused at its field', async () => /segment/.test(await page.locator('.row.wrong .error').allInnerTexts().then((all) => all.join())));
  await form.getByLabel('Default Gateway', { exact: true }).first().fill('192.0.2.1');
  await b.save();
  await page.getByRole('heading', { name: 'New address on trial' }).waitFor();
  await page.getByRole('link', { name: '192.0.2.77', exact: false }).waitFor();
  check('nothing is confirmed from elsewhere', await button('Keep the new address').isDisabled());
  const left = async () => Number(/\d+/.exec(await page.getByText(/back in \d+ s/).innerText())[0]);
  const first = await left();
  await b.until('the time runs', async () => (await left()) < first);
  await b.examineWidths('page-trial');
  await button('Go back now').click();
  await page.getByText('The last change of the address was taken back', { exact: false }).waitFor();
  check('the settings are those of before', (await b.api('GET', '/settings/net.ip')).body.value.managed === false);
}

try {
  await page.goto(b.origin);
  await b.login('admin', PASSWORD);
  await certificates();
  await address();
} catch (error) {
  await b.shot('failed-network');
  console.error(`problems so far:\n${b.problems.join('\n')}`);
  throw error;
} finally {
  rmSync(dir, { recursive: true });
}
await b.end();
