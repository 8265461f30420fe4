/**
 * All that the app keeps beside the documents: one IndexedDB database of the phone (`gtn-app`: the vaults' profiles, the
 * clock's offset, the published catalog), and one of each vault.
 *
 * What may name a person (the session, the list, drafts, reasons of refusals) is written sealed, and only while the vault
 * is open; what the app must read before (the vault's own profile, marks of the sync, the published catalog) stays clear.
 * Keys are clear: they hold ids only.
 *
 * Every write is one transaction with strict durability: when the promise resolves it is on the disk. (Chrome since 121
 * and Safari would otherwise answer before the disk has it.)
 */
import { isSealed, type Cipher } from "./cipher";

export type StoreName = "values" | "receipts" | "pulled" | "drafts";
const NAMES: StoreName[] = ["values", "receipts", "pulled", "drafts"];
type Key = IDBValidKey;
export type Entry = [store: StoreName, key: Key, value: unknown];
export type Stores = (name: StoreName) => IDBObjectStore;

/** The vault is locked: nothing personal can be read or written. */
export class Locked extends Error {}

function isPersonal([store, key, value]: Entry): boolean {
  if (store === "drafts") return true;
  if (store === "receipts") return (value as { reason?: unknown } | undefined)?.reason !== undefined;
  return store === "values" && typeof key === "string" && /^(session$|list:|photo:)/.test(key);
}

export class AppStore {
  /** set while the vault is open */
  cipher: Cipher | undefined;
  private opened: Promise<IDBDatabase> | undefined;
  /** a vault's database is made when the vault is opened, and never again: another tab may have removed both */
  private mayMake: boolean;

  /** @param name none: a vault's, attached while it is open */
  constructor(public name: string | undefined) {
    this.mayMake = name !== undefined;
  }

  async attach(name: string, cipher: Cipher): Promise<void> {
    await this.detach();
    this.name = name;
    this.cipher = cipher;
    this.mayMake = true;
    await this.open();
    this.mayMake = false;
  }

  async detach(): Promise<void> {
    this.cipher = undefined;
    this.name = undefined;
    await this.close();
  }

  async get<T>(store: StoreName, key: Key): Promise<T | undefined> {
    return this.unseal<T>(await this.read<unknown>(store, (from) => from.get(key)));
  }

  async all<T>(store: StoreName, range?: IDBKeyRange): Promise<T[]> {
    const found = await this.read<unknown[]>(store, (from) => from.getAll(range));
    return Promise.all(found.map((one) => this.unseal<T>(one) as Promise<T>));
  }

  keys(store: StoreName, range?: IDBKeyRange): Promise<Key[]> {
    return this.read(store, (from) => from.getAllKeys(range));
  }

  async entries<T>(store: StoreName): Promise<[Key, T][]> {
    const [keys, values] = await Promise.all([this.keys(store), this.all<T>(store)]);
    return keys.map((key, at) => [key, values[at] as T]);
  }

  put(store: StoreName, key: Key, value: unknown): Promise<void> {
    return this.putAll([[store, key, value]]);
  }

  /** All or nothing. @throws Locked */
  async putAll(entries: Entry[]): Promise<void> {
    // before the transaction: one that waits for anything else has ended
    const ready = await Promise.all(entries.map(async (entry) => [...entry.slice(0, 2), await this.sealed(entry)] as Entry));
    await this.change([...new Set(ready.map(([store]) => store))], (to) => {
      for (const [store, key, value] of ready) to(store).put(value, key);
    });
  }

  /** Reads and writes a clear value in one transaction, whatever other tabs do; `work` gives the new value and an answer. */
  async update<T, A>(store: StoreName, key: Key, work: (before: T | undefined) => [T | undefined, A]): Promise<A> {
    let answer: A | undefined;
    await this.change([store], (to) => {
      const reading = to(store).get(key);
      reading.onsuccess = () => {
        const [after, told] = work(reading.result as T | undefined);
        answer = told;
        if (after !== undefined) to(store).put(after, key);
      };
    });
    return answer as A;
  }

  delete(store: StoreName, key: Key | IDBKeyRange): Promise<void> {
    return this.change([store], (to) => void to(store).delete(key));
  }

  /** All or nothing. @throws DOMException `QuotaExceededError` when the disk is full */
  async change(stores: StoreName[], work: (to: Stores) => void): Promise<void> {
    const database = await this.open();
    await new Promise<void>((resolve, reject) => {
      const transaction = database.transaction(stores, "readwrite", { durability: "strict" });
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new DOMException("aborted", "AbortError"));
      work((name) => transaction.objectStore(name));
    });
  }

  private async sealed(entry: Entry): Promise<unknown> {
    if (!isPersonal(entry)) return entry[2];
    if (!this.cipher) throw new Locked("the vault is locked");
    return this.cipher.seal(entry[2]);
  }

  private async unseal<T>(value: unknown): Promise<T | undefined> {
    if (!isSealed(value)) return value as T | undefined;
    if (!this.cipher) throw new Locked("the vault is locked");
    return this.cipher.open<T>(value);
  }

  async close(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    (await opened?.catch(() => undefined))?.close();
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
      if (this.name === undefined) throw new Locked("the vault is locked");
      const { mayMake } = this;
      const request = indexedDB.open(this.name, 1);
      request.onupgradeneeded = () => {
        if (!mayMake) return request.transaction?.abort();
        for (const name of NAMES) request.result.createObjectStore(name, name === "pulled" ? { autoIncrement: true } : {});
      };
      request.onerror = () => reject(mayMake ? request.error : new Locked("the vault is gone"));
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
