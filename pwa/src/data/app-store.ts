/**
 * The IndexedDB database `gtn-app`: all that the app keeps beside the documents.
 *
 * Every write is one transaction with strict durability: when the promise resolves it is on the disk. (Chrome since 121
 * and Safari would otherwise answer before the disk has it.)
 */
export type StoreName = "values" | "receipts" | "pulled" | "drafts";
const NAMES: StoreName[] = ["values", "receipts", "pulled", "drafts"];
type Key = IDBValidKey;

export class AppStore {
  private opened: Promise<IDBDatabase> | undefined;

  constructor(readonly name = "gtn-app") {}

  get<T>(store: StoreName, key: Key): Promise<T | undefined> {
    return this.read(store, (from) => from.get(key));
  }

  all<T>(store: StoreName, range?: IDBKeyRange): Promise<T[]> {
    return this.read(store, (from) => from.getAll(range));
  }

  put(store: StoreName, key: Key, value: unknown): Promise<void> {
    return this.change([store], (to) => void to(store).put(value, key));
  }

  delete(store: StoreName, key: Key | IDBKeyRange): Promise<void> {
    return this.change([store], (to) => void to(store).delete(key));
  }

  /** All or nothing. @throws DOMException `QuotaExceededError` when the disk is full */
  async change(stores: StoreName[], work: (to: (name: StoreName) => IDBObjectStore) => void): Promise<void> {
    const database = await this.open();
    await new Promise<void>((resolve, reject) => {
      const transaction = database.transaction(stores, "readwrite", { durability: "strict" });
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new DOMException("aborted", "AbortError"));
      work((name) => transaction.objectStore(name));
    });
  }

  async close(): Promise<void> {
    const database = await this.opened;
    this.opened = undefined;
    database?.close();
  }

  private async read<T>(store: StoreName, ask: (from: IDBObjectStore) => IDBRequest): Promise<T> {
    const database = await this.open();
    return new Promise<T>((resolve, reject) => {
      const request = ask(database.transaction(store).objectStore(store));
      request.onsuccess = () => resolve(request.result as T);
      request.onerror = () => reject(request.error);
    });
  }

  private open(): Promise<IDBDatabase> {
    this.opened ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(this.name, 1);
      request.onupgradeneeded = () => {
        for (const name of NAMES) request.result.createObjectStore(name, name === "pulled" ? { autoIncrement: true } : {});
      };
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const database = request.result;
        // the browser may close it (storage cleared, a newer version in another tab): open again when next needed
        database.onclose = () => (this.opened = undefined);
        database.onversionchange = () => {
          database.close();
          this.opened = undefined;
        };
        resolve(database);
      };
    });
    this.opened.catch(() => (this.opened = undefined));
    return this.opened;
  }
}

/** All keys that begin with these parts. */
export function beginning(...parts: string[]): IDBKeyRange {
  return IDBKeyRange.bound(parts, [...parts, []]);
}
