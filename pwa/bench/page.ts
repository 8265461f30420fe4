/**
 * What `bench/first_sync.py` and `bench/sealing.py` run in a page of the server's own origin: the phone's own code without
 * its screens, and what it is measured against. Times are in milliseconds.
 */
import http from "pouchdb-adapter-http";
import idb from "pouchdb-adapter-idb";
import PouchDB from "pouchdb-core";
import replication from "pouchdb-replication";
import { newUlid } from "../src/data/ulids";
import { AppStore } from "../src/data/app-store";
import { Cipher } from "../src/data/cipher";
import { Database } from "../src/data/database";
import { Phone } from "../src/data/phone";

const PIN = "271946";
const LEVELS = ["introduced", "installed", "signed-in", "independent"] as const;

let phone: Phone | undefined;

interface Took {
  ms: number;
  documents: number;
}

const make = (rounds?: number) => new Phone({ app: "bench-app", prefix: "bench-", patience: 0, ...(rounds && { rounds }) });

/** The app's first sync: from the open vault until everything is written, listed and told to be complete. */
async function ours(login: string, password: string, rounds?: number): Promise<Took> {
  const made = make(rounds);
  phone = made;
  await made.start();
  const answer = await made.signIn(login, password);
  if (!answer.ok) throw new Error(answer.error);
  const done = new Promise<void>((resolve, reject) => {
    made.sync.subscribe(({ phase, last, error }) => {
      if (error) reject(new Error(error));
      else if (phase === "idle" && last) resolve();
    });
  });
  await made.choosePin(PIN);
  const from = performance.now();
  await done;
  return { ms: performance.now() - from, documents: made.list?.size ?? 0 };
}

/** What anyone would get without us: PouchDB's own replication with its default options. */
async function plain(database: string): Promise<Took> {
  PouchDB.plugin(idb).plugin(http).plugin(replication);
  const local = new PouchDB("plain", { adapter: "idb" });
  const from = performance.now();
  await local.replicate.from(`${location.origin}/sync/${database}`);
  const ms = performance.now() - from;
  const { rows } = await local.allDocs();
  return { ms, documents: rows.filter(({ id }) => !id.startsWith("_")).length };
}

/** What no code could beat: the same bytes fetched, parsed, and put as they are into bare IndexedDB. */
async function floor(database: string): Promise<Took> {
  const store = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open("floor", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("documents", { keyPath: "_id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const ask = (since: string) => fetch(`/sync/${database}/_snapshot?since=${encodeURIComponent(since)}`);
  const from = performance.now();
  let documents = 0;
  for (let asked: Promise<Response> | undefined = ask("0"); asked; ) {
    const answer: Response = await asked;
    if (!answer.ok) throw new Error(await answer.text());
    const next = answer.headers.get("X-GTN-Next");
    asked = next === null ? undefined : ask(next);
    const { docs } = (await answer.json()) as { docs: object[] };
    await new Promise<void>((resolve, reject) => {
      const transaction = store.transaction("documents", "readwrite");
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
      for (const one of docs) transaction.objectStore("documents").put(one);
    });
    documents += docs.length;
  }
  return { ms: performance.now() - from, documents };
}

/** From now on this page stores what it would seal as it is: the same code, unencrypted. */
function unseal(): void {
  const asIs = async <T>(value: T) => value;
  Object.assign(Database.prototype, { seal: asIs, open: asIs });
  Object.assign(AppStore.prototype, { sealed: async (entry: unknown[]) => entry[2], unseal: asIs });
  Object.assign(Cipher.prototype, { seal: async (data: unknown) => ({ iv: null, data }), open: async ({ data }: { data: unknown }) => data });
}

/** Opens the kept phone: from the PIN until the doors are there to be drawn. */
async function cold(): Promise<Took> {
  const made = make();
  phone = made;
  await made.start();
  const from = performance.now();
  const answer = await made.unlock(PIN);
  if (!answer.ok) throw new Error("the PIN does not open it");
  return { ms: performance.now() - from, documents: made.doors.value.length };
}

/** Saves common visits one after the other; how long each took until it was on the disk. */
async function saves(count: number): Promise<number[]> {
  if (!phone) throw new Error("no phone is open");
  const { records } = await phone.engine();
  const doors = phone.doors.value;
  const times: number[] = [];
  for (let at = 0; at < count; at++) {
    const helps = [{ service: "ihanoi", level: LEVELS[at % LEVELS.length] ?? "installed", age_band: "60-plus" as const, count: 1 }];
    const from = performance.now();
    await records.visit({ household: doors[at % doors.length]?.id ?? null, record: { at: phone.clock.now(), outcome: "met", helps, note: `lần ${at}` } });
    times.push(performance.now() - from);
  }
  return times;
}

/** Sends what waits: from the first request until the last receipt is on the disk. */
async function push(): Promise<Took> {
  if (!phone) throw new Error("no phone is open");
  const { waiting } = phone.sync.value;
  const { sync } = await phone.engine();
  const from = performance.now();
  await sync.resume();
  const ms = performance.now() - from;
  return { ms, documents: waiting - phone.sync.value.waiting };
}

/** The same many visits by this person, which PouchDB sends with its default options. */
async function pushPlain(database: string, person: string, device: string, count: number): Promise<Took> {
  PouchDB.plugin(idb).plugin(http).plugin(replication);
  const local = new PouchDB("plain", { adapter: "idb" });
  const at = new Date().toISOString();
  for (let made = 0; made < count; made++) {
    const helps = [{ service: "ihanoi", level: LEVELS[made % LEVELS.length], age_band: "60-plus", count: 1 }];
    const value = { at, outcome: "met", helps, note: `lần ${made}` };
    const created = { at, by: person, device };
    await local.put({ _id: `visit:${newUlid(Date.now())}`, type: "visit", schema: 1, unit: database.slice(-6), created, household: null, record: { value, at, by: person } } as never);
  }
  const from = performance.now();
  const { docs_written: documents } = (await local.replicate.to(`${location.origin}/sync/${database}`)) as { docs_written: number };
  return { ms: performance.now() - from, documents };
}

/** As when the app is left: what the next start needs is written. */
async function close(): Promise<void> {
  await (await phone?.engine())?.keep();
  await phone?.stop();
}

Object.assign(globalThis, { measure: { ours, plain, floor, unseal, cold, saves, push, pushPlain, close } });
