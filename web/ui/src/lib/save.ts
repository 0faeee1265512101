/** Where snapshots and videos go on this computer (LIVE-6, LIVE-11, STOR-13): a chosen folder, where the browser lets pages write into one, or its downloads. */
import { saveBlob } from './http';

export const KINDS = ['snapshots', 'videos'] as const;
export type Kind = (typeof KINDS)[number];

type Access = { mode: 'readwrite' };
interface Folder extends FileSystemDirectoryHandle {
  queryPermission(access: Access): Promise<PermissionState>;
  requestPermission(access: Access): Promise<PermissionState>;
}
const ACCESS: Access = { mode: 'readwrite' };
const picker = () => (window as { showDirectoryPicker?: (access: Access & { id: string }) => Promise<Folder> }).showDirectoryPicker;

/** Secure contexts of Chromium. */
export const canChoose = (): boolean => picker() !== undefined;

/** The browser keeps the folders; other storage cannot hold them. */
function kept<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('folders', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('folders');
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const request = ask(opening.result.transaction('folders', mode).objectStore('folders'));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
      opening.result.close();
    };
  });
}

export const folder = async (kind: Kind): Promise<Folder | undefined> =>
  canChoose() ? kept('readonly', (store) => store.get(kind) as IDBRequest<Folder | undefined>).catch(() => undefined) : undefined;

/** Asks for a folder; the browser remembers where it was asked last. */
export async function choose(kind: Kind): Promise<void> {
  const chosen = await picker()?.({ id: kind, ...ACCESS });
  await kept('readwrite', (store) => store.put(chosen, kind));
}

export const forget = (kind: Kind): Promise<unknown> => kept('readwrite', (store) => store.delete(kind));

/** A browser may ask again after each start, and only while somebody clicks. */
export async function permit(kind: Kind): Promise<void> {
  await (await folder(kind))?.requestPermission(ACCESS).catch(() => undefined);
}

/** Saves under `path`, folders in it included; a folder that is gone or not permitted leaves it to the downloads. */
export async function save(kind: Kind, blob: Blob, path: string): Promise<void> {
  const [name, ...folders] = path.split('/').reverse();
  try {
    let at: FileSystemDirectoryHandle | undefined = await folder(kind);
    if (at && (await (at as Folder).queryPermission(ACCESS)) === 'granted') {
      for (const part of folders.reverse()) at = await at.getDirectoryHandle(part, { create: true });
      const file = await (await at.getFileHandle(name, { create: true })).createWritable();
      await file.write(blob);
      await file.close();
      return;
    }
  } catch {
    // below
  }
  saveBlob(blob, path.replaceAll('/', '_'));
}

/** Fetches a picture and saves it by the name that the unit gives it. */
export async function savePicture(url: string): Promise<void> {
  // What the browser has may be of another naming rule.
  const answer = await fetch(url, { cache: 'no-store' });
  const name = /filename\*=UTF-8''([^;]+)/.exec(answer.headers.get('Content-Disposition') ?? '')?.[1];
  if (answer.ok && name) await save('snapshots', await answer.blob(), decodeURIComponent(name));
}
