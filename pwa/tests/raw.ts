/** Everything that a phone keeps, read past the app: each record of each of its IndexedDB databases. */
import { NONCE, type Cipher, type Sealed } from "../src/data/cipher";

export async function rawRecords(name: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const { name: database = "" } of await indexedDB.databases()) {
    if (!database.includes(name)) continue;
    const opened = await answerOf(indexedDB.open(database));
    for (const store of opened.objectStoreNames) found.push(...(await answerOf(opened.transaction(store).objectStore(store).getAll())));
    opened.close();
  }
  return found;
}

/** The same as text, with all that is sealed opened by the phone's own key. */
export async function opened(name: string, cipher: Cipher): Promise<string> {
  const texts = [];
  for (const record of await rawRecords(name)) {
    const box = boxOf(record);
    texts.push(JSON.stringify(record), box ? JSON.stringify(await cipher.open(box).catch(() => "of another key")) : "");
  }
  return texts.join("\n");
}

function boxOf(record: unknown): Sealed | undefined {
  const { sealed, iv, data } = (record ?? {}) as { sealed?: ArrayBuffer } & Partial<Sealed>;
  if (sealed) return { iv: new Uint8Array(sealed, 0, NONCE), data: sealed.slice(NONCE) };
  return iv && data ? { iv, data } : undefined;
}

function answerOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
