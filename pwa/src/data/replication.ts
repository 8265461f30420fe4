/**
 * Push and pull over CouchDB's replication protocol, one round at a time; `sync.ts` says when.
 *
 * Not `PouchDB.replicate`: see docs/decisions/001-own-push-and-pull.md. Everything here may be cut at any moment and
 * repeated: a push is idempotent (`new_edits: false`), a pull's checkpoint moves only after its documents are written.
 */
import type { AppStore } from "./app-store";
import type { Database, Stored } from "./database";
import { ERASED, eraseHere, isGone, MOVED, settled } from "./erasing";
import type { Receipts, Revision } from "./receipts";
import { Rejected, Unreachable, type Answer, type Server } from "./server";
import { isFull } from "./storage";
import type { Receipt } from "./types";

const BATCH = 250; // documents in one push
const BYTES = { least: 16_000, most: 512_000 }; // of JSON in one push
const SLOW = 8_000; // ms for one push, after which the next is half as large
const QUICK = 2_000;
const PAGE = 500; // changes and documents in one pull
export const LONG = 120; // seconds for requests that carry many documents

/** The server's word that too many refused records of this phone wait for a decision. */
export const NO_ROOM = "too-many-refused";

/** How far this phone has read the server's database. */
export interface PullMark {
  since: string;
  /** the server's `update_seq` at the last finished pull */
  seen?: string;
  generation?: string;
  /** the first sync has come to its end once */
  complete?: boolean;
  /** begun with nothing on the phone: whole chunks are read instead of what is lacking */
  snapshot?: boolean;
}

export interface Replica {
  server: Server;
  store: AppStore;
  receipts: Receipts;
  local: Database;
  /** bytes of JSON in one push, as the link bears them; kept between rounds */
  pace?: { bytes: number };
  /** that one push may take; `LONG` unless it says so */
  seconds?: number;
  /** gives up a push under way */
  signal?: AbortSignal;
  /** the name in the server's addresses */
  name: string;
}

/** The phone's disk is full: nothing is wrong with the documents. */
export class DiskFull extends Error {
  readonly code = "storage-full";
}

export type Outgoing = Stored & { _deleted?: true; _revisions: { start: number; ids: string[] } };
interface Refusal {
  id?: string;
  rev?: string;
  error?: string;
  code?: string;
  reason?: string;
}

/**
 * Sends these revisions and keeps the server's answer for each. Returns how many were answered for; the rest were
 * overtaken by a newer save (and wait anew), or are too broken to send.
 */
export async function push(replica: Replica, waiting: readonly Revision[]): Promise<number> {
  let answered = 0;
  let noRoom: unknown;
  for (let from = 0; from < waiting.length; from += BATCH) {
    const documents = await withHistory(replica.local, waiting.slice(from, from + BATCH));
    // a phone deletes nothing: a tombstone came from the server, or stands for what the server erased
    const ends = documents.filter((one) => one._deleted);
    await replica.receipts.record(ends.map((one) => settled(one._id, one._rev)));
    answered += ends.length;
    for (const batch of bySize(documents.filter((one) => !one._deleted), replica.pace?.bytes)) {
      try {
        answered += await send(replica, batch);
      } catch (error) {
        if (!(error instanceof Rejected) || error.code !== NO_ROOM) throw error;
        noRoom = error; // the batches behind it may hold what the server takes
      }
    }
  }
  if (noRoom) throw noRoom;
  return answered;
}

/** Most revisions are the first of their document: those are read together and have no history to be looked up. */
export async function withHistory(local: Database, revisions: readonly Revision[]): Promise<Outgoing[]> {
  const first = new Map(revisions.filter(([, rev]) => rev.startsWith("1-")));
  const found = first.size ? await local.all([...first.keys()]) : [];
  const young = found.filter((one) => first.get(one._id) === one._rev);
  const read = new Set(young.map((one) => one._rev));
  const rest = revisions.filter(([, rev]) => !read.has(rev));
  const old = rest.length ? await historyOf(local, rest) : [];
  return [...young.map((one) => ({ ...one, _revisions: { start: 1, ids: [one._rev.slice(2)] } })), ...old];
}

async function historyOf(local: Database, revisions: readonly Revision[]): Promise<Outgoing[]> {
  const { results } = await local.bulkGet({ docs: revisions.map(([id, rev]) => ({ id, rev })), revs: true });
  return results.flatMap(({ docs }) => docs.flatMap((one) => ("ok" in one ? [one.ok as unknown as Outgoing] : [])));
}

function bySize(documents: Outgoing[], bytes = BYTES.most): Outgoing[][] {
  const batches: Outgoing[][] = [];
  let room = 0;
  for (const document of documents) {
    const size = JSON.stringify(document).length;
    if (size > room || !batches.length) {
      batches.push([]);
      room = bytes;
    }
    batches.at(-1)?.push(document);
    room -= size;
  }
  return batches;
}

/** A batch that is refused as a whole is halved, so that one bad document never holds up the others. */
async function send(replica: Replica, batch: Outgoing[]): Promise<number> {
  const path = `/sync/${replica.name}/_bulk_docs`;
  try {
    const answer = await timed(replica, () => replica.server.post<Refusal[]>(path, JSON.stringify({ docs: batch, new_edits: false }), replica.seconds ?? LONG, replica.server.slot, replica.signal));
    const receipts = receiptsFor(batch, answer);
    for (const word of [ERASED, MOVED]) {
      const gone = receipts.filter(({ code }) => code === word).map(({ id }) => id);
      await eraseHere(replica, gone, answer.headers.get("X-GTN-Time") ?? "", word);
    }
    await replica.receipts.record(receipts);
    return batch.length;
  } catch (error) {
    if (!(error instanceof Rejected) || ![400, 413, 415].includes(error.status)) throw full(error);
    if (batch.length > 1) {
      const half = batch.length >> 1;
      return (await send(replica, batch.slice(0, half))) + (await send(replica, batch.slice(half)));
    }
    if (error.foreign) throw error; // only our server refuses a record
    await replica.receipts.record(batch.map((one) => refusal(one, { code: error.code, reason: error.reason }, undefined)));
    return 1;
  }
}

/** What a slow or broken link could not carry is tried in smaller pieces. */
async function timed<T>({ pace }: Replica, work: () => Promise<T>): Promise<T> {
  const from = performance.now();
  let factor = 0.5;
  try {
    const answer = await work();
    const took = performance.now() - from;
    factor = took > SLOW ? 0.5 : took < QUICK ? 2 : 1;
    return answer;
  } finally {
    if (pace) pace.bytes = Math.min(BYTES.most, Math.max(BYTES.least, pace.bytes * factor));
  }
}

/** Accepted is what a 201 from the gateway does not name. Any other answer is no answer. */
function receiptsFor(batch: Outgoing[], { status, body, headers }: Answer<Refusal[]>): Receipt[] {
  const at = headers.get("X-GTN-Time");
  if (status !== 201 || !at || !Array.isArray(body)) throw new Unreachable("not-the-server");
  return batch.flatMap((document) => {
    const { _id: id, _rev: rev } = document;
    const named = body.find((one) => one.id === id && (one.rev === undefined || one.rev === rev) && one.error);
    if (!named) return [{ id, rev, state: "accepted" as const, at }];
    // only "forbidden" is final: anything else leaves the revision waiting
    if (named.error !== "forbidden") return [];
    return [isGone(named.code) ? settled(id, rev, at, named.code) : refusal(document, named, at)];
  });
}

function refusal(document: Outgoing, { code, reason }: Refusal, at: string | undefined): Receipt {
  const why = { code: code ?? "forbidden", reason: reason ?? "" };
  return { id: document._id, rev: document._rev, state: "refused", ...why, ...(at !== undefined && { at }) };
}

/**
 * Reads what is new on the server; `onPage` gets documents done and, as far as known, to do.
 *
 * @param asked the first page, where it was asked for before
 */
export async function pull(
  replica: Replica,
  mark: PullMark,
  seen: string,
  at: string,
  onPage: (done: number, total: number) => Promise<void>,
  asked?: Promise<ChangesPage>,
): Promise<PullMark> {
  let { since } = mark;
  for (let [done, page] = [0, asked ?? askChanges(replica, since)]; ; page = askChanges(replica, since)) {
    const body = await page;
    await replica.receipts.whilePulling(() => take(replica, body.results, at));
    since = body.last_seq;
    done += body.results.length;
    const over = body.results.length === 0 || body.pending === 0;
    const next: PullMark = over ? { ...mark, since, seen, complete: true } : { ...mark, since };
    await replica.store.put("values", `pull:${replica.name}`, next);
    await onPage(done, done + (body.pending ?? 0));
    if (over) return next;
  }
}

export interface ChangesPage {
  results: { id: string; changes: { rev: string }[]; deleted?: boolean }[];
  last_seq: string;
  pending?: number;
}

export async function askChanges({ server, name }: Replica, since: string): Promise<ChangesPage> {
  const query = `style=all_docs&limit=${PAGE}&since=${encodeURIComponent(since)}`;
  const { body } = await server.get<ChangesPage>(`/sync/${name}/_changes?${query}`, LONG);
  if (!Array.isArray(body?.results)) throw new Unreachable("not-the-server");
  return body;
}

async function take(replica: Replica, rows: ChangesPage["results"], at: string): Promise<void> {
  if (!rows.length) return;
  const { local, receipts, server, name } = replica;
  const offered = rows.filter((row) => !row.id.startsWith("_")).map((row) => [row.id, row.changes.map(({ rev }) => rev)] as const);
  const lacking = (await local.revsDiff(Object.fromEntries(offered.map(([id, revs]) => [id, [...revs]])))) as Record<
    string,
    { missing: string[] }
  >;
  const wanted = Object.entries(lacking).flatMap(([id, { missing }]) => missing.map((rev) => ({ id, rev })));
  const documents = wanted.length ? await fetchDocuments(server, name, wanted) : [];
  const held = offered.flatMap(([id, revs]) => revs.filter((rev) => !lacking[id]?.missing.includes(rev)).map((rev): Revision => [id, rev]));
  const come = documents.map((document): Revision => [document._id, document._rev]);
  try {
    // receipts first: a crash between the two leaves a receipt for something that the server does hold
    await receipts.acceptPulled([...held, ...come], at);
    const failed = documents.length ? await local.bulkDocs(documents, { new_edits: false }) : [];
    if (failed.length) throw new Error(`not written: ${JSON.stringify(failed[0])}`);
    // what was refused stands beside the tombstone and is offered no more: nothing else would take it away
    const gone = rows.filter((row) => row.deleted && row.id.startsWith("resident:") && receipts.state(row.id) === "refused");
    await eraseHere(replica, gone.map(({ id }) => id), at);
  } catch (error) {
    throw full(error);
  }
}

interface BulkGet {
  results: { id: string; docs: ({ ok: Stored } | { error: { error: string } })[] }[];
}

async function fetchDocuments(server: Server, name: string, docs: { id: string; rev: string }[]): Promise<Stored[]> {
  const path = `/sync/${name}/_bulk_get?revs=true&latest=true`;
  const { body } = await server.post<BulkGet>(path, JSON.stringify({ docs }), LONG);
  if (!Array.isArray(body?.results)) throw new Unreachable("not-the-server");
  return body.results.flatMap(({ docs: found }) => found.flatMap((one) => ("ok" in one ? [one.ok] : [])));
}

export function full(error: unknown): unknown {
  return isFull(error) ? new DiskFull("storage-full", { cause: error }) : error;
}
