/**
 * PouchDB on the phone: one local database per unit, holding the documents as they are replicated, each sealed.
 *
 * Ids, revisions, tombstones and types stay clear, all else is one encrypted field. Only the methods that the app uses are
 * here, so that no other one can write or show a document past the cipher.
 */
import idb from "pouchdb-adapter-idb";
import PouchDB from "pouchdb-core";
import { NONCE, type Cipher, type Sealed } from "./cipher";
import { makeDurable } from "./durability";
import type { AnyDocument } from "./types";

export type Stored = AnyDocument & { _id: string; _rev: string };
export interface Tombstone {
  _id: string;
  _rev: string;
  _deleted: true;
  _revisions: { start: number; ids: string[] };
}

PouchDB.plugin(idb);

type Plain = Record<string, unknown>;
/** What stands for the secret fields: nonce and ciphertext in one; in records of an earlier version as Base64, apart. */
type Box = ArrayBuffer | { iv: string; data: string };

/** Documents sealed, ready to be written. */
export type Ready = Plain[] & { readonly sealed: unique symbol };

export class Database {
  constructor(
    private readonly inner: PouchDB.Database<AnyDocument>,
    private readonly cipher: Cipher,
  ) {}

  info() {
    return this.inner.info();
  }

  revsDiff(offered: Record<string, string[]>) {
    return this.inner.revsDiff(offered);
  }

  async put(document: object): Promise<{ rev: string }> {
    return this.inner.put((await this.seal(document)) as unknown as PouchDB.Core.PutDocument<AnyDocument>);
  }

  async get(id: string, options: { rev?: string } = {}): Promise<Stored> {
    return this.open(await this.inner.get(id, options));
  }

  async bulkGet(options: PouchDB.Core.BulkGetOptions) {
    const { results } = await this.inner.bulkGet(options);
    const open = async ({ id, docs }: (typeof results)[number]) => ({
      id,
      docs: await Promise.all(docs.map(async (one) => ("ok" in one ? { ok: await this.open(one.ok) } : one))),
    });
    return { results: await Promise.all(results.map(open)) };
  }

  /** Documents by id; those that are not here are left out. */
  async all(keys: string[]): Promise<Stored[]> {
    const { rows } = await this.inner.allDocs({ keys, include_docs: true });
    return Promise.all(rows.flatMap((row) => ("doc" in row && row.doc ? [this.open(row.doc)] : [])));
  }

  async changes(options: { since: number; limit: number; style: "all_docs"; include_docs: boolean }) {
    const page = await this.inner.changes(options);
    const open = async (row: (typeof page.results)[number]) => ({ ...row, doc: row.doc ? await this.open(row.doc) : null });
    return { last_seq: page.last_seq, results: await Promise.all(page.results.map(open)) };
  }

  /** For each leaf that is alive a child that says nothing; none when the document is gone or was never here. */
  async endsOf(id: string): Promise<Tombstone[]> {
    const leaves = await this.inner.get(id, { open_revs: "all", revs: true }).catch((error: { status?: number }) => {
      if (error.status === 404) return [];
      throw error;
    });
    return leaves.flatMap((one) => {
      if (!("ok" in one) || (one.ok as { _deleted?: true })._deleted) return [];
      const { start, ids } = one.ok._revisions as Tombstone["_revisions"];
      const name = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
      return [{ _id: id, _rev: `${start + 1}-${name}`, _deleted: true, _revisions: { start: start + 1, ids: [name, ...ids] } }];
    });
  }

  /** Documents with their own revisions, as they came. Answers those that were not written. */
  async bulkDocs(documents: (Stored | Tombstone)[], options: { new_edits: false }) {
    return this.write(await this.prepare(documents), options);
  }

  /** The first half of `bulkDocs`, which may be done while others are written. */
  async prepare(documents: (Stored | Tombstone)[]): Promise<Ready> {
    return (await Promise.all(documents.map((one) => this.seal(one)))) as unknown as Ready;
  }

  write(ready: Ready, options: { new_edits: false }) {
    return this.inner.bulkDocs(ready as unknown as PouchDB.Core.PutDocument<AnyDocument>[], options);
  }

  close() {
    return this.inner.close();
  }

  private async seal(document: object): Promise<Plain> {
    const fields = Object.entries(document);
    const clear = fields.filter(([name]) => name.startsWith("_") || name === "type");
    const secret = fields.filter(([name]) => !name.startsWith("_") && name !== "type");
    if (!secret.length) return Object.fromEntries(clear);
    const { iv, data } = await this.cipher.seal(Object.fromEntries(secret));
    return { ...Object.fromEntries(clear), sealed: join(iv, data) };
  }

  private async open(document: object): Promise<Stored> {
    const { sealed, ...clear } = document as Plain & { sealed?: Box };
    if (!sealed) return clear as unknown as Stored; // a tombstone
    const secret = await this.cipher.open<Plain>(split(sealed));
    return { ...clear, ...secret } as unknown as Stored;
  }
}

export function openDatabase(name: string, cipher: Cipher): Database {
  makeDurable();
  return new Database(new PouchDB<AnyDocument>(name, { adapter: "idb", auto_compaction: true, deterministic_revs: false }), cipher);
}

function join(iv: Uint8Array, data: ArrayBuffer): ArrayBuffer {
  const box = new Uint8Array(iv.length + data.byteLength);
  box.set(iv);
  box.set(new Uint8Array(data), iv.length);
  return box.buffer;
}

function split(box: Box): Sealed {
  if (box instanceof ArrayBuffer) return { iv: new Uint8Array(box, 0, NONCE), data: box.slice(NONCE) };
  return { iv: fromBase64(box.iv), data: fromBase64(box.data).buffer };
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at); // `from` with a function is ten times slower
  return bytes;
}

/** One change of the local database: every leaf of the document, and the winning revision's body if it was asked for. */
export interface LocalChange {
  id: string;
  seq: number;
  leaves: string[];
  document: Stored | null;
  /** the record as which one that is gone goes on */
  kept: string | undefined;
}

interface Merged {
  merged_into?: string;
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
      document: row.deleted ? null : row.doc,
      kept: (row.doc as Merged | null)?.merged_into,
    }));
    if (rows.length) yield rows;
    if (rows.length < PAGE) return;
    seq = Number(page.last_seq);
  }
}
