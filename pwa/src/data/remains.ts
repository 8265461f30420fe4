/** What is left behind and must go: databases of vaults that are no more, and records from before there were vaults. */
import type { AppStore } from "./app-store";
import { beginning } from "./app-store";
import type { Cipher } from "./cipher";
import { localChanges, openDatabase, type Database, type Stored } from "./database";
import { photosOf } from "./photo-rows";
import type { Profile } from "./profiles";
import { Receipts } from "./receipts";
import type { Vaults } from "./vaults";

export interface Place {
  /** the names of the clear IndexedDB database and of PouchDB's begin with these */
  app: string;
  prefix: string;
  shared: AppStore;
  vaults: Vaults;
}

const ID = /^([a-z2-7]{12})(?:-|$)/;

/** Deletes every database of a vault that is not there; harmless to repeat, and begun anew at each start until it is done. */
export function sweep(place: Place): Promise<void> {
  return place.vaults.alone(() => clear(place));
}

async function clear({ app, prefix, shared, vaults }: Place): Promise<void> {
  if (!indexedDB.databases) return; // an old Firefox: what lies there cannot be opened, and is not found
  const gone = (await shared.get<string[]>("values", "gone")) ?? [];
  const names = (await indexedDB.databases()).map(({ name = "" }) => name);
  const kept = new Set((await vaults.all()).map(({ id }) => id));
  for (const name of names) {
    const rest = [`${app}-`, `_pouch_${prefix}`].flatMap((start) => (name.startsWith(start) ? [name.slice(start.length)] : []))[0];
    const id = rest && ID.exec(rest)?.[1];
    if ((id && !kept.has(id)) || gone.includes(name)) await drop(name);
  }
  if (gone.length) await shared.delete("values", "gone");
}

/** Of one vault that was just removed. */
export function sweepOne({ app, prefix }: Place, id: string, database: string): Promise<unknown> {
  const kept = [database, photosOf(database)].map((name) => drop(`_pouch_${prefix}${id}-${name}`));
  return Promise.all([drop(`${app}-${id}`), ...kept]);
}

export function drop(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
    // other tabs close theirs when they are told; until then it waits
  });
}

/**
 * Keeps a new vault's profile: false when this person has one already. Called alone, with the vault's store open.
 *
 * What the phone kept in the clear, before there were vaults, is sealed first, and the clear copy ends in the write that
 * keeps the profile: whoever kills the app before that finds everything as it was.
 */
export async function moveIn(place: Place, own: AppStore, profile: Profile, database: string): Promise<boolean> {
  const { prefix, vaults } = place;
  const plain = `_pouch_${prefix}${database}`;
  const names = indexedDB.databases ? await indexedDB.databases() : [];
  if (!own.cipher || names.every(({ name }) => name !== plain)) return vaults.add(profile);
  await sealDocuments(place, own, own.cipher, profile.id, database);
  await sealRest(place, own, database);
  const added = await vaults.add(profile, (store) => {
    for (const kind of ["checkpoint", "pull", "list", "last"]) store("values").delete(`${kind}:${database}`);
    store("values").delete("session");
    store("values").put([plain], "gone");
    for (const name of ["receipts", "pulled", "drafts"] as const) store(name).clear();
  });
  if (added) await clear(place);
  return added;
}

/** All leaves with their histories, and which of them the server has answered for. */
async function sealDocuments({ prefix, shared }: Place, own: AppStore, cipher: Cipher, id: string, database: string): Promise<void> {
  const [from, to] = [openDatabase(`${prefix}${database}`, cipher), openDatabase(`${prefix}${id}-${database}`, cipher)];
  const receipts = new Receipts(shared, database);
  await receipts.load((since) => localChanges(from, since, false));
  const waiting = new Set(receipts.waiting().map(String));
  for await (const page of localChanges(from, 0, false)) {
    const revisions = page.flatMap(({ id, leaves }) => leaves.map((rev) => ({ id, rev })));
    await copy(from, to, revisions);
    const answered = revisions.filter(({ id, rev }) => !waiting.has(`${id},${rev}`)).map(({ id, rev }) => `${id}\n${rev}`);
    await own.change(["pulled"], (store) => void store("pulled").add({ database, revisions: answered }));
  }
  await to.close();
  await from.close();
}

async function sealRest({ shared }: Place, own: AppStore, database: string): Promise<void> {
  for (const receipt of await shared.all<{ id: string; rev: string }>("receipts", beginning(database)))
    await own.put("receipts", [database, receipt.id, receipt.rev], receipt);
  for (const [key, value] of await shared.entries("drafts")) await own.put("drafts", key, value);
  for (const kind of ["pull", "last"]) {
    const mark = await shared.get("values", `${kind}:${database}`);
    if (mark !== undefined) await own.put("values", `${kind}:${database}`, mark);
  }
}

async function copy(from: Database, to: Database, docs: { id: string; rev: string }[]): Promise<void> {
  if (!docs.length) return;
  const { results } = await from.bulkGet({ docs, revs: true });
  const found = results.flatMap((one) => one.docs.flatMap((leaf) => ("ok" in leaf ? [leaf.ok as Stored] : [])));
  const failed = await to.bulkDocs(found, { new_edits: false });
  if (found.length !== docs.length || failed.length) throw new Error(`not sealed: ${JSON.stringify(failed[0] ?? docs.length - found.length)}`);
}
