/** The same live view over https, where the browser has WebCodecs. */
import { Browser, check, PASSWORD } from './camera.mjs';

const b = await Browser.start('https', process.env.HTTPS_PORT);
const { page } = b;
try {
  await page.goto(b.origin);
  check('https is a secure context', await page.evaluate(() => isSecureContext));
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.waitForURL('**/live');
  const cookies = await b.context.cookies();
  const cookie = cookies.find((c) => c.name.endsWith('platecam_session'));
  check('the cookie is for https and scripts do not see it', cookie?.secure && cookie.httpOnly && cookie.sameSite === 'Strict', cookies);
  await b.until('WebCodecs draws', async () => page.getByText('WebCodecs').isVisible());
  const first = await b.until('a picture is drawn', () => b.canvas());
  await b.until('the picture moves', async () => (await b.canvas()) !== first);
  await b.shot('live-https');
} catch (error) {
  await b.shot('failed-https');
  console.error(`problems so far:\n${b.problems.join('\n')}`);
  throw error;
}
await b.end();
