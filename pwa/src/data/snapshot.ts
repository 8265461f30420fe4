/**
 * The first sync of a phone that holds nothing: the unit's database in chunks, each one request.
 *
 * While one chunk is written the next two are on their way, so that neither waits for the other. A chunk that was cut is no JSON and counts for nothing; what was
 * written stays, and the next try goes on after it. Replication follows from the last chunk: see `replication.ts`.
 */
import type { Ready, Stored } from "./database";
import { askChanges, full, LONG, type ChangesPage, type PullMark, type Replica } from "./replication";
import type { Revision } from "./receipts";
import { Unreachable } from "./server";

interface Chunk {
  docs: Stored[];
  ready: Ready;
  last_seq: string;
  /** changes that come after this chunk */
  pending: number;
  /** as they came over the link; 0 where nobody tells */
  bytes: number;
}

export interface Asked {
  /** where the next chunk begins, known before the documents have come */
  next: Promise<string | null>;
  chunk: Promise<Chunk>;
  /** asked for once the place is known */
  following?: Promise<Asked | undefined>;
  /** of the last chunk: what came since, asked for while it is still on its way */
  changes?: Promise<ChangesPage>;
}

/** Where replication goes on, and its first page if that was asked for. */
export interface End {
  mark: PullMark;
  asked: Promise<ChangesPage> | undefined;
}

/** A chunk as it was written: PouchDB's sequence numbers before and after. */
export interface Written {
  documents: Stored[];
  from: number;
  to: number;
}

/**
 * `onChunk` gets what was written, documents done and, as far as known, to do, and how many bytes have come.
 *
 * @param first the first chunk, where it was asked for before
 */
export async function snapshot(
  replica: Replica,
  mark: PullMark,
  at: string,
  onChunk: (written: Written, done: number, total: number, bytes: number) => Promise<void>,
  first = ask(replica, mark.since),
): Promise<End> {
  let asked = first;
  for (let [done, came] = [0, 0]; ; ) {
    const coming = follow(replica, asked);
    coming.then((one) => one && follow(replica, one)).catch(() => undefined);
    const { docs, ready, last_seq: since, pending, bytes } = await asked.chunk;
    const following = await coming;
    const written = await write(replica, docs, ready, at);
    done += docs.length;
    came += bytes;
    // never "seen": a chunk may be older than the session, and replication brings what came since
    const now: PullMark = following ? { ...mark, since } : { ...mark, since, complete: true };
    await replica.store.put("values", `pull:${replica.name}`, now);
    await onChunk(written, done, done + pending, came);
    if (!following) return { mark: now, asked: asked.changes };
    asked = following;
  }
}

export function ask(replica: Replica, since: string): Asked {
  const { server, local, name } = replica;
  let tell: (next: string | null) => void = () => undefined;
  const told = new Promise<string | null>((resolve) => (tell = resolve));
  const path = `/sync/${name}/_snapshot?since=${encodeURIComponent(since)}`;
  const early = (headers: Headers) => {
    tell(headers.get("X-GTN-Next"));
    const end = headers.get("X-GTN-End");
    if (end !== null) (asked.changes = askChanges(replica, end)).catch(() => undefined);
  };
  const chunk = server.get<Omit<Chunk, "ready" | "bytes">>(path, LONG, early).then(async ({ body, headers }) => {
    if (!Array.isArray(body?.docs) || typeof body.last_seq !== "string") throw new Unreachable("not-the-server");
    const bytes = Number(headers.get("Content-Length") ?? 0);
    return { ...body, bytes, ready: await local.prepare(body.docs) }; // while the one before is written
  });
  const asked: Asked = { chunk, next: Promise.race([told, chunk.then(() => told)]) };
  asked.next.catch(() => undefined); // told by whoever awaits it; the one asked for ahead may be awaited never
  chunk.catch(() => undefined);
  return asked;
}

function follow(replica: Replica, asked: Asked): Promise<Asked | undefined> {
  asked.following ??= asked.next.then((next) => (next === null ? undefined : ask(replica, next)));
  asked.following.catch(() => undefined); // told by whoever awaits it
  return asked.following;
}

async function write({ local, receipts }: Replica, documents: Stored[], ready: Ready, at: string): Promise<Written> {
  return receipts.whilePulling(async () => {
    try {
      // receipts first: a crash between the two leaves a receipt for something that the server does hold
      await receipts.acceptPulled(documents.map((one): Revision => [one._id, one._rev]), at);
      const { update_seq: from } = await local.info();
      const failed = documents.length ? await local.write(ready, { new_edits: false }) : [];
      if (failed.length) throw new Error(`not written: ${JSON.stringify(failed[0])}`);
      const { update_seq: to } = await local.info();
      return { documents, from: Number(from), to: Number(to) };
    } catch (error) {
      throw full(error);
    }
  });
}
