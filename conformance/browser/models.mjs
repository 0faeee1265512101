/** The pages of a model that lacks functions (GEN-24): absent ones are in no menu, their cards and fields are not drawn. */
import { Browser, check, PASSWORD } from './camera.mjs';

const b = await Browser.start('http', process.env.HTTP_PORT);
const { page } = b;
const heading = (name) => page.getByRole('heading', { name, level: 1, exact: true }).waitFor();
const drawn = (what) =>
  b.until(`${what} is drawn`, async () => (await page.locator('article .skeleton, article .waiting').count()) === 0 && (await page.locator('article .card').count()) > 0);
async function open(path, name) {
  await page.goto(`${b.origin}/setting/${path}`);
  await heading(name);
  await page.waitForLoadState('networkidle');
}

try {
  await page.goto(b.origin);
  await page.getByLabel('Username').fill('admin');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.locator('#main').waitFor();
  check('one stream needs no choice of streams', (await page.getByRole('radiogroup', { name: 'Stream' }).count()) === 0);

  await open('system/general', 'General Settings');
  const paths = await page.locator('#tree a').evaluateAll((links) => links.map((link) => new URL(link.href).pathname.replace('/setting/', '')));
  for (const absent of ['network/email', 'network/mqtt', 'video/masks', 'event/picture']) check(`${absent} is not in the menu`, !paths.includes(absent), paths);
  for (const there of ['network/https', 'video/stream', 'video/osd', 'event/alarm']) check(`${there} is in the menu`, paths.includes(there), paths);
  await drawn('general');
  check('the place on earth is not drawn', !(await page.locator('article').innerText()).includes('Location Known'));
  check('the model is shown', await page.getByText('Platecam Basic', { exact: true }).isVisible());

  await open('video/masks', 'Privacy Masks');
  await page.getByText('This page does not exist on this unit', { exact: false }).waitFor();

  await open('video/stream', 'Video Stream');
  await drawn('video stream');
  check('there is one stream and no tab', (await page.getByRole('tab').count()) === 0);

  await open('event/alarm', 'Alarm');
  for (const tab of ['Alarm', 'Alarm-in and Alarm-out']) {
    await page.getByRole('tab', { name: tab, exact: true }).click();
    await drawn(tab);
    const shown = await page.locator('article').innerText();
    check(`the first output and input are there (${tab})`, shown.includes('Alarm-out NO1') && shown.includes('Alarm-in 1'), shown);
    check(`there is no second (${tab})`, !shown.includes('Alarm-out NO2') && !shown.includes('Alarm-in 2'), shown);
  }

  await open('system/maintenance', 'Upgrade and Maintenance');
  await drawn('maintenance');
  check('no upgrade is offered', (await page.getByRole('heading', { name: 'Upgrade', exact: true }).count()) === 0);
  await open('lpr/commission', 'Device Commission');
  await drawn('commission');
  check('no voice is tested', !(await page.locator('article').innerText()).includes('Voice'));
  await b.examine('page-model');
  check('nothing went wrong unseen', b.problems.length === 0, b.problems.join('\n'));
} finally {
  await b.end();
}
