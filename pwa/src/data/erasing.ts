/**
 * What a phone does with what went from the unit while it was away: residents erased, households moved to another unit.
 *
 * A push of one is answered with `erased`, or with `moved` when the other unit has it. Whatever is known of that record here then ends in tombstones of this phone's
 * own; the bodies before them are compacted away, and the server, which has its own tombstones, is not offered them. Cut
 * short at any place, the record is pushed and answered once more.
 */
import type { Replica } from "./replication";
import type { Receipt } from "./types";

export const ERASED = "erased";
export const MOVED = "moved";
/** The server's words after which a record is no longer this phone's. */
export const isGone = (code: string | undefined): boolean => code === ERASED || code === MOVED;

/** How many residents were removed from this phone since someone last took note of it. */
export const noteOf = (database: string): string => `erased:${database}`;

/** Which households went to another unit since someone last took note of it. */
export const movedOf = (database: string): string => `moved:${database}`;

/** Takes away what this phone alone holds of records that the server has erased, or moved. */
export async function eraseHere(replica: Replica, ids: readonly string[], at: string, code = ERASED): Promise<void> {
  const { store, name } = replica;
  let count = 0;
  for (const id of new Set(ids)) {
    const ended = await endHere(replica, id);
    await replica.receipts.record(ended.flat().map((rev) => settled(id, rev, at, code)));
    if (ended.length) count++;
  }
  if (count && code === ERASED) await store.update<number, void>("values", noteOf(name), (before = 0) => [before + count, undefined]);
}

/** Ends each leaf of a document on this phone alone; [the end, what it ended] of each. */
export async function endHere({ local }: Replica, id: string): Promise<[string, string][]> {
  const ends = await local.endsOf(id);
  if (!ends.length) return [];
  const failed = await local.bulkDocs(ends, { new_edits: false });
  if (failed.length) throw new Error(`not written: ${JSON.stringify(failed[0])}`);
  return ends.map(({ _rev, _revisions: { start, ids } }) => [_rev, `${start - 1}-${ids[1]}`]);
}

/** The receipt of a revision that nobody wants any more: it waits no longer and counts nowhere. */
export const settled = (id: string, rev: string, at?: string, code = ERASED): Receipt => ({
  id,
  rev,
  state: "accepted",
  code,
  ...(at !== undefined && { at }),
});
