/** Pages of the picture as their owner uses them. */
import { Browser, check, PASSWORD } from './camera.mjs';

const b = await Browser.start('http', process.env.HTTP_PORT);
const { page } = b;
const frame = page.locator('div.frame');
const stored = async () => (await b.api('GET', '/settings/video.roi')).body.value.regions;
const drawn = () => page.locator('div.frame svg polygon').count();

/** Drags over the picture, in parts of its width and height. */
async function draw(from, to) {
  const box = await frame.boundingBox();
  const at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...at(from));
  await page.mouse.down();
  await page.mouse.move(...at(to), { steps: 4 });
  await page.mouse.up();
}

/** ROI-1..3, ROI-5. */
async function regions() {
  await b.open('video/roi', 'ROI');
  await frame.waitFor();
  await draw([0.25, 0.25], [0.75, 0.75]);
  await draw([0.05, 0.3], [0.15, 0.7]);
  await draw([0.85, 0.3], [0.95, 0.7]);
  check('three regions are drawn', (await drawn()) === 3, await drawn());
  await draw([0.3, 0.8], [0.6, 0.95]);
  check('there is no fourth', (await drawn()) === 3, await drawn());
  await frame.click({ button: 'right', position: { x: 5, y: 5 } });
  check('a right click takes the newest away', (await drawn()) === 2, await drawn());
  await page.getByLabel('Quality').nth(1).selectOption('Low');
  await page.getByRole('button', { name: 'Move 1.1' }).press('ArrowLeft');
  await b.examineWidths('page-video-roi');
  await b.save();
  await b.saved();
  const [first, second, ...more] = await stored();
  const near = (value, wanted) => Math.abs(value - wanted) < 0.03;
  check('they are stored', more.length === 0 && first.quality === 'high' && second.quality === 'low', [first, second]);
  check('where they were drawn and moved to', near(first.area.left, -0.52) && near(first.area.top, 0.5) && near(first.area.right, 0.5) && near(first.area.bottom, -0.5), first);
  await page.getByRole('button', { name: 'Clear', exact: true }).click();
  await b.save();
  await b.until('Clear removes all', async () => (await stored()).length === 0);
}

/** METER-4..7. */
async function metering() {
  const areas = async () => (await b.api('GET', '/settings/video.metering')).body.value.areas;
  await b.open('video/metering', 'Metering');
  await page.getByLabel('Metering Mode').selectOption('Partial Metering');
  await frame.waitFor();
  for (let n = 0; n < 6; n++) await draw([0.03 + 0.16 * n, 0.1], [0.14 + 0.16 * n, 0.4]);
  check('there is no sixth area', (await drawn()) === 5, await drawn());
  const box = await frame.boundingBox();
  await frame.click({ button: 'right', position: { x: 0.22 * box.width, y: 0.16 * box.height } });
  await page.getByRole('button', { name: 'Move 1', exact: true }).press('Delete');
  check('a right click and Delete take their areas away', (await drawn()) === 3, await drawn());
  await b.save();
  await b.saved();
  const lefts = (await areas()).map((area) => area.left);
  const wanted = [2, 3, 4].map((n) => 2 * (0.03 + 0.16 * n) - 1);
  check('the others are stored', lefts.length === 3 && lefts.every((left, n) => Math.abs(left - wanted[n]) < 0.03), lefts);
  await page.getByRole('button', { name: 'Clear', exact: true }).click();
  await page.getByLabel('Metering Mode').selectOption('Global Metering');
  await b.save();
  await b.until('Clear removes all', async () => (await areas()).length === 0);
}

/** IMG-1, IMG-5: what is entered on Display Settings is seen before Save, and goes back without it. */
async function preview() {
  const light = () =>
    page.evaluate(() => {
      const picture = [...document.querySelectorAll('.stage video:not(.hidden), .stage canvas:not(.overlay):not(.hidden)')][0];
      const small = new OffscreenCanvas(8, 8).getContext('2d');
      if (!picture) return null;
      small.drawImage(picture, 0, 0, 8, 8);
      const { data } = small.getImageData(0, 0, 8, 8);
      const [red, green, blue] = [0, 1, 2].map((channel) => data.filter((_, n) => n % 4 === channel).reduce((a, v) => a + v, 0) / 64);
      return { level: (red + green + blue) / 3, colors: Math.max(...Array.from({ length: 64 }, (_, n) => Math.abs(data[4 * n] - data[4 * n + 2]))) };
    });
  const section = async (key) => (await b.api('GET', `/settings/${key}`)).body;
  await b.open('video/image', 'Picture');
  const first = await b.until('the picture is there', async () => {
    const now = await light();
    return now && now.level > 10 && now.colors > 20 && now;
  });
  const before = await section('video.image');
  await page.getByLabel('Brightness', { exact: true }).first().fill('100');
  await b.until('it is brighter before Save', async () => (await light()).level > first.level + 20);
  await page.getByLabel('Day/Night').selectOption('Black and White');
  await b.until('and has no colours', async () => (await light()).colors < 12);
  const after = await section('video.image');
  check('nothing is stored', after.revision === before.revision && after.value.brightness === before.value.brightness, after);
  await b.examineWidths('page-video-image');
  for (let left = 2; left > 0; left--) {
    await b.button('Refresh').nth(2 - left).click();
    await b.button('Discard my changes').click();
  }
  await b.until('it goes back', async () => {
    const now = await light();
    return Math.abs(now.level - first.level) < 10 && now.colors > 20;
  });
  await page.getByLabel('Brightness', { exact: true }).first().fill('0');
  await b.until('darker', async () => (await light()).level < first.level - 20);
  // Another page of the same window; the question of unsaved changes is answered with leaving.
  await page.getByRole('link', { name: 'Overlay', exact: true }).first().click();
  await b.button('Discard my changes').click();
  await page.getByRole('heading', { name: 'Overlay', level: 1, exact: true }).waitFor();
  await b.until('a page that is left ends it', async () => {
    const now = await light();
    return now && Math.abs(now.level - first.level) < 10;
  });
  // A window that is gone says nothing any more: its preview ends by itself.
  await b.api('PUT', '/settings/video.image/preview', { brightness: 0 });
  await b.until('a preview is seen', async () => (await light()).level < first.level - 20);
  await b.until('and ends by itself', async () => Math.abs((await light()).level - first.level) < 10);
}

try {
  await page.goto(b.origin);
  await b.login('admin', PASSWORD);
  await regions();
  await metering();
  await preview();
} catch (error) {
  await b.shot('failed-video');
  console.error(`problems so far:\n${b.problems.join('\n')}`);
  throw error;
}
await b.end();
