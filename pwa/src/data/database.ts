/** PouchDB on the phone: one local database per unit, holding the documents as they are replicated. */
import idb from "pouchdb-adapter-idb";
import PouchDB from "pouchdb-core";
import { makeDurable } from "./durability";
import type { AnyDocument } from "./types";

export type Database = PouchDB.Database<AnyDocument>;
export type Stored = AnyDocument & { _id: string; _rev: string };

PouchDB.plugin(idb);

export function openDatabase(name: string): Database {
  makeDurable();
  return new PouchDB<AnyDocument>(name, { adapter: "idb", auto_compaction: true });
}

/** One change of the local database: every leaf of the document, and the winning revision's body if it was asked for. */
export interface LocalChange {
  id: string;
  seq: number;
  leaves: string[];
  document: Stored | null;
}

const PAGE = 500;

/** All changes after a local sequence number, in pages, so that the screen stays alive between them. */
export async function* localChanges(database: Database, since: number, bodies: boolean): AsyncGenerator<LocalChange[]> {
  for (let seq = since; ; ) {
    const page = await database.changes({ since: seq, limit: PAGE, style: "all_docs", include_docs: bodies });
    const rows = page.results.map((row) => ({
      id: row.id,
      seq: Number(row.seq),
      leaves: row.changes.map((change) => change.rev),
      document: row.deleted || !row.doc ? null : (row.doc as unknown as Stored),
    }));
    if (rows.length) yield rows;
    if (rows.length < PAGE) return;
    seq = Number(page.last_seq);
  }
}
