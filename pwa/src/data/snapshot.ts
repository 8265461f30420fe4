/**
 * The first sync of a phone that holds nothing: the unit's database in chunks, each one request.
 *
 * While one chunk is written the next is on its way. A chunk that was cut is no JSON and counts for nothing; what was
 * written stays, and the next try goes on after it. Replication follows from the last chunk: see `replication.ts`.
 */
import type { Stored } from "./database";
import { full, LONG, type PullMark, type Replica } from "./replication";
import type { Revision } from "./receipts";
import { Unreachable } from "./server";

interface Chunk {
  docs: Stored[];
  last_seq: string;
  /** changes that come after this chunk */
  pending: number;
}

interface Asked {
  /** where the next chunk begins, known before the documents have come */
  next: Promise<string | null>;
  chunk: Promise<Chunk>;
}

/** A chunk as it was written: PouchDB's sequence numbers before and after. */
export interface Written {
  documents: Stored[];
  from: number;
  to: number;
}

/** `onChunk` gets what was written, documents done and, as far as known, to do. */
export async function snapshot(
  replica: Replica,
  mark: PullMark,
  at: string,
  onChunk: (written: Written, done: number, total: number) => Promise<void>,
): Promise<PullMark> {
  let asked = ask(replica, mark.since);
  for (let done = 0; ; ) {
    const next = await asked.next;
    const following = next === null ? undefined : ask(replica, next);
    const { docs, last_seq: since, pending } = await asked.chunk;
    const written = await write(replica, docs, at);
    done += docs.length;
    // never "seen": a chunk may be older than the session, and replication brings what came since
    const now: PullMark = following ? { ...mark, since } : { ...mark, since, complete: true };
    await replica.store.put("values", `pull:${replica.name}`, now);
    await onChunk(written, done, done + pending);
    if (!following) return now;
    asked = following;
  }
}

function ask({ server, name }: Replica, since: string): Asked {
  let tell: (next: string | null) => void = () => undefined;
  const early = new Promise<string | null>((resolve) => (tell = resolve));
  const path = `/sync/${name}/_snapshot?since=${encodeURIComponent(since)}`;
  const chunk = server.get<Chunk>(path, LONG, (headers) => tell(headers.get("X-GTN-Next"))).then(({ body }) => {
    if (!Array.isArray(body?.docs) || typeof body.last_seq !== "string") throw new Unreachable("not-the-server");
    return body;
  });
  const next = Promise.race([early, chunk.then(() => early)]);
  next.catch(() => undefined); // told by whoever awaits it; the one asked for ahead may be awaited never
  chunk.catch(() => undefined);
  return { next, chunk };
}

async function write({ local, receipts }: Replica, documents: Stored[], at: string): Promise<Written> {
  return receipts.whilePulling(async () => {
    try {
      // receipts first: a crash between the two leaves a receipt for something that the server does hold
      await receipts.acceptPulled(documents.map((one): Revision => [one._id, one._rev]), at);
      const { update_seq: from } = await local.info();
      const failed = documents.length ? await local.bulkDocs(documents, { new_edits: false }) : [];
      if (failed.length) throw new Error(`not written: ${JSON.stringify(failed[0])}`);
      const { update_seq: to } = await local.info();
      return { documents, from: Number(from), to: Number(to) };
    } catch (error) {
      throw full(error);
    }
  });
}
