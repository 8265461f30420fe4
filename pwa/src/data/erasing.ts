/**
 * What a phone does with residents whom the server erased while it was away.
 *
 * A push of one is answered with `erased`. Whatever is known of that record here then ends in tombstones of this phone's
 * own; the bodies before them are compacted away, and the server, which has its own tombstones, is not offered them. Cut
 * short at any place, the record is pushed and answered once more.
 */
import type { Replica } from "./replication";
import type { Receipt } from "./types";

export const ERASED = "erased";

/** How many residents were removed from this phone since someone last took note of it. */
export const noteOf = (database: string): string => `erased:${database}`;

/** Takes away what this phone alone holds of records that the server has erased. */
export async function eraseHere({ local, receipts, store, name }: Replica, ids: readonly string[], at: string): Promise<void> {
  let count = 0;
  for (const id of new Set(ids)) {
    const ends = await local.endsOf(id);
    if (!ends.length) continue;
    const failed = await local.bulkDocs(ends, { new_edits: false });
    if (failed.length) throw new Error(`not written: ${JSON.stringify(failed[0])}`);
    const answered = ends.flatMap(({ _rev, _revisions: { start, ids } }) => [_rev, `${start - 1}-${ids[1]}`]);
    await receipts.record(answered.map((rev) => settled(id, rev, at)));
    count++;
  }
  if (count) await store.update<number, void>("values", noteOf(name), (before = 0) => [before + count, undefined]);
}

/** The receipt of a revision that nobody wants any more: it waits no longer and counts nowhere. */
export const settled = (id: string, rev: string, at?: string): Receipt => ({
  id,
  rev,
  state: "accepted",
  code: ERASED,
  ...(at !== undefined && { at }),
});
