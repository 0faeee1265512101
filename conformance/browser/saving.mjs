/** Snapshots and videos that are saved by themselves: into a chosen folder, else as downloads (LIVE-6, LIVE-11, STOR-13). */
import { Browser, check, PASSWORD } from './camera.mjs';

const https = await Browser.start('https', process.env.HTTPS_PORT);
const http = await Browser.start('http', process.env.HTTP_PORT);

/** A dialog of the system cannot be used by a script: the browser's own file system is chosen. */
function pick() {
  globalThis.showDirectoryPicker = async ({ id }) => (await navigator.storage.getDirectory()).getDirectoryHandle(`my-${id}`, { create: true });
}

/** Paths and sizes of the files in a chosen folder. */
async function files(kind) {
  const found = [];
  const walk = async (folder, path) => {
    for await (const [name, entry] of folder.entries()) {
      if (entry.kind === 'directory') await walk(entry, `${path}${name}/`);
      else found.push([path + name, (await entry.getFile()).size]);
    }
  };
  await walk(await (await navigator.storage.getDirectory()).getDirectoryHandle(`my-${kind}`, { create: true }), '');
  return found;
}
const saved = (kind) => https.page.evaluate(files, kind);

async function automatic(b) {
  await b.page.goto(b.origin);
  await b.login('admin', PASSWORD);
  await b.open('storage/path', 'Storage Path');
  await b.page.getByRole('switch', { name: 'Save snapshots by themselves', exact: false }).click();
}
async function watch(b) {
  await b.page.goto(`${b.origin}/live`);
  await b.until('it plays', async () => b.page.getByText('Live', { exact: true }).isVisible());
}
const snap = (b) => b.button('Manual Snapshot').click();
/** By the naming rule, without its folders. */
const NAME = /^\d{4}-?\d\d-?\d\d.*_\d+\.jpg$/;

try {
  await https.context.addInitScript(pick);
  await automatic(https);
  for (const kind of ['Snapshots', 'Videos']) {
    await https.button(`Browse: ${kind}`).click();
    await https.page.getByText(`my-${kind.toLowerCase()}`).waitFor();
  }
  await https.examineWidths('page-storage-path');
  await https.page.reload();
  await https.page.getByText('my-videos').waitFor();
  await watch(https);
  await snap(https);
  await https.until('a snapshot is in the folder', async () => (await saved('snapshots')).length === 1);
  const [[path, size]] = await saved('snapshots');
  const name = path.split('/').pop();
  check(`${path} is named by the rule`, path.split('/').length === 3 && NAME.test(name) && size > 1000, [path, size]);
  await https.button('Record to this computer').click();
  // It begins with a key frame, and these are rare at few pictures a second.
  await https.until('the recording runs', async () => (await https.page.getByRole('timer').innerText()) >= '00:00:15');
  await https.button('Record to this computer').click();
  await https.until('a video is in its folder', async () => (await saved('videos')).some(([file, bytes]) => /\.mp4$/.test(file) && bytes > 1000));
  await https.button('Picture Preview').click();
  await snap(https);
  // The news of it comes by another way than the answer.
  await https.until('the other one is told', async () => (await https.api('GET', '/records?limit=5')).body.items.length === 2);
  await https.page.waitForTimeout(1000);
  await https.button('Picture Preview').click();
  await snap(https);
  await https.until('another one after the preview was off for one', async () => (await saved('snapshots')).length === 2);
  check('which is not saved', (await saved('snapshots')).every(([file]) => /_[13]\.jpg$/.test(file)), await saved('snapshots'));

  // Plain http: downloads, by the same rule.
  await automatic(http);
  await http.page.getByText('over HTTPS', { exact: false }).first().waitFor();
  await watch(http);
  const [download] = await Promise.all([http.page.waitForEvent('download'), snap(http)]);
  check(`${download.suggestedFilename()} is downloaded`, /_\d+\.jpg$/.test(download.suggestedFilename()));
} catch (error) {
  for (const [name, b] of Object.entries({ https, http })) {
    await b.shot(`failed-saving-${name}`);
    console.error(`problems so far:\n${b.problems.join('\n')}`);
  }
  throw error;
}
await https.end();
await http.end();
