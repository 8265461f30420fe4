/**
 * Leaving a unit: what waits for it is handed in for review, then its database on this phone goes.
 *
 * For 30 days the server takes that, and answers nothing else there. Nothing has to be remembered for it: every database
 * of a vault that is not of the person's present unit is one that was left. Cut at any place, it is done over.
 */
import type { Signal } from "@preact/signals";
import { beginning, type AppStore } from "./app-store";
import type { Cipher } from "./cipher";
import { localChanges, openDatabase, type Database } from "./database";
import type { Drafts } from "./drafts";
import type { Engine } from "./engine";
import { movedOf, noteOf } from "./erasing";
import { alone } from "./locks";
import { photosOf, rowsOf } from "./photo-rows";
import { forgetPulled, Receipts } from "./receipts";
import { drop } from "./remains";
import { push } from "./replication";
import { Rejected, type Server } from "./server";
import type { Sessions } from "./session";
import type { SyncChange } from "./sync";
import type { Gate, Session } from "./types";
import type { Vault } from "./vault";
import type { Vaults } from "./vaults";

/** What moving needs of the phone. */
export interface Mover {
  server: Server;
  own: AppStore;
  prefix: string;
  drafts: Drafts;
  sessions: Sessions;
  gate: Signal<Gate>;
  vault(): Promise<Vault>;
  vaults(): Promise<Vaults>;
  engine(): Promise<Engine>;
  closeEngine(): Promise<void>;
  change(session: Session): Promise<void>;
  discard(id: string, why: SyncChange): Promise<void>;
  depart(how: "end"): Promise<void>;
  tell(word: "left"): void;
  later(work: () => Promise<void>, wait: number): void;
}

interface Leaver {
  server: Server;
  /** of the open vault */
  store: AppStore;
  cipher: Cipher;
  /** what the names of this vault's databases begin with */
  prefix: string;
}

/** What the person has not read yet: how much came for review, and how many forms were left half filled in. */
export interface Left {
  records: number;
  drafts: number;
}

const NOTE = "left";
const LATER = 60_000; // ms until what could not be handed in is tried again

/** The person belongs to another unit: its list is shown, and the next round hands in what waits for the old one. */
export async function move(phone: Mover, busy: boolean): Promise<void> {
  const session = phone.sessions.current;
  if (busy || !session) return; // the round after the form's record was saved comes here again
  phone.tell("left");
  await phone.closeEngine();
  await noteLeft(phone.own, 0, await phone.drafts.dropAll());
  await phone.change(session);
}

/** The person has left altogether: when all is handed in nothing stays; else everything stays, and it is tried again. */
export async function end(phone: Mover, busy: boolean): Promise<void> {
  const { id } = await phone.vault();
  if (phone.gate.value !== "open") return;
  const again = () => phone.later(() => phone.depart("end"), LATER);
  if (busy) return again();
  await phone.closeEngine();
  const refused = (error: unknown) => (error instanceof Rejected && !error.foreign && error.status < 500 ? ("refused" as const) : false);
  const done = await handIn(phone, id, undefined).catch(refused);
  if (done === true) {
    await (await phone.vaults()).remove(id);
    return phone.discard(id, { phase: "signed-out", error: "access-ended" });
  }
  phone.tell("left");
  await phone.engine(); // to be looked at; what was refused for good waits for someone to give access back
  if (!done) again();
}

/** Hands in what waits in every database of this vault but the present one. False when another tab still has one open. */
export async function handIn({ server, own, prefix }: Mover, id: string, present: string | undefined): Promise<boolean> {
  const start = `${prefix}${id}-`;
  const names = await listLeft(start, present);
  return !names.length || !own.cipher || handInAll({ server, store: own, cipher: own.cipher, prefix: start }, names);
}
/** Held by every tab that has a database open. */
export const openLock = (name: string): string => `gtn-open-${name}`;

/** The databases of units that were left; none where the browser cannot tell. */
async function listLeft(prefix: string, present: string | undefined): Promise<string[]> {
  const start = `_pouch_${prefix}`;
  const names = indexedDB.databases ? await indexedDB.databases() : [];
  const left = names.flatMap(({ name = "" }) => (name.startsWith(start) ? [name.slice(start.length)] : []));
  return left.filter((name) => present === undefined || (name !== present && name !== photosOf(present))).sort(); // records, then photos
}

async function handInAll(leaver: Leaver, names: readonly string[]): Promise<boolean> {
  let all = true;
  for (const name of names) {
    const gone = await alone(openLock(`${leaver.prefix}${name}`), async () => {
      await send(leaver, name);
      await remove(leaver, name);
      return true;
    });
    if (!gone) await send(leaver, name);
    all &&= gone === true;
  }
  return all;
}

const noteLeft = (store: AppStore, records: number, drafts: number): Promise<void> =>
  store.update<Left, void>("values", NOTE, (before = { records: 0, drafts: 0 }) => [
    { records: before.records + records, drafts: before.drafts + drafts },
    undefined,
  ]);
export const readLeft = (store: AppStore): Promise<Left | undefined> => store.get<Left>("values", NOTE);
export const forgetLeft = (store: AppStore): Promise<void> => store.delete("values", NOTE);

/** @throws Rejected, Unreachable: nothing is removed then */
async function send({ server, store, cipher, prefix }: Leaver, name: string): Promise<void> {
  const local: Database = openDatabase(`${prefix}${name}`, cipher);
  try {
    const receipts = new Receipts(store, name);
    await receipts.load((since) => localChanges(local, since, false));
    const before = receipts.refused().length;
    const waiting = receipts.waiting();
    await push({ server, store, receipts, local, name }, waiting);
    if (receipts.waiting().length) throw new Rejected(500, "server-error", "");
    const records = receipts.refused().length - before;
    if (records) await noteLeft(store, records, 0);
  } finally {
    await local.close();
  }
}

async function remove({ store, prefix }: Leaver, name: string): Promise<void> {
  await store.change(["values"], (to) => {
    for (const key of [`list:${name}`, `pull:${name}`, `last:${name}`, `generation:${name}`, noteOf(name), movedOf(name)]) to("values").delete(key);
    to("values").delete(rowsOf(name));
  });
  await drop(`_pouch_${prefix}${name}`);
  // last, for without them everything would seem to wait
  await store.change(["values", "receipts", "pulled"], (to) => {
    to("values").delete(`checkpoint:${name}`);
    to("receipts").delete(beginning(name));
    forgetPulled(to, name);
  });
}
