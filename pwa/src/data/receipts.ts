/**
 * What the server has said about each revision, and what therefore still waits.
 *
 * A revision waits when it is a leaf in PouchDB's own changes since the checkpoint and bears no receipt. Nothing is
 * flagged beside the document, so a crash between two writes cannot hide a record: at worst it is offered once more.
 * Receipts of what this phone sent are kept; those of pulled revisions only until the checkpoint has passed them.
 */
import { beginning, type AppStore, type Stores } from "./app-store";
import type { LocalChange } from "./database";
import type { Receipt, ReceiptState } from "./types";

export type Revision = readonly [id: string, rev: string];
type Pages = (since: number) => AsyncIterable<LocalChange[]>;
const key = (id: string, rev: string) => `${id}\n${rev}`;

/** What is noted of pulled revisions of one database goes, within a change. */
export function forgetPulled(to: Stores, database: string): void {
  const cursor = to("pulled").openCursor();
  cursor.onsuccess = () => {
    const row = cursor.result;
    if (!row) return;
    if ((row.value as { database: string }).database === database) row.delete();
    row.continue();
  };
}

export class Receipts {
  /** every local change up to this local sequence number is answered for */
  checkpoint = 0;
  private scanned = 0;
  private sent = new Map<string, Receipt>();
  private refusedById = new Map<string, Set<string>>();
  private pulled = new Set<string>();
  private waitingById = new Map<string, string[]>();
  /** saved here since the last scan began: a page of changes may have been read before them */
  private noted = new Map<string, string>();
  private pulling = 0;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly store: AppStore,
    private readonly database: string,
  ) {}

  /** Reads everything anew: at start, and when another tab has written. What is shown changes in one step. */
  load(pages: Pages): Promise<void> {
    return this.inTurn(async () => {
      const fresh = new Receipts(this.store, this.database);
      await fresh.read();
      await fresh.walk(pages);
      const { sent, refusedById, pulled, waitingById, checkpoint, scanned } = fresh;
      Object.assign(this, { sent, refusedById, pulled, waitingById, checkpoint, scanned });
      for (const [id, rev] of this.noted) if (!sent.has(key(id, rev))) this.wait(id, rev);
    });
  }

  /** Goes through local changes that have not been looked at yet. */
  scan(pages: Pages): Promise<void> {
    return this.inTurn(async () => {
      const earlier = [...this.noted];
      await this.walk(pages);
      // what was saved before the scan began has been seen in it
      for (const [id, rev] of earlier) if (this.noted.get(id) === rev) this.noted.delete(id);
    });
  }

  /** A revision was just saved here: it waits, from now on and not only from the next scan. */
  noteSaved(id: string, rev: string, replaces?: string): void {
    this.noted.set(id, rev);
    this.wait(id, rev, replaces);
  }

  /** Revisions that the server holds, before they are written here: a crash in between leaves a true receipt. */
  async acceptPulled(revisions: Revision[], at: string): Promise<void> {
    const fresh = revisions.filter(([id, rev]) => !this.pulled.has(key(id, rev)) && !this.sent.has(key(id, rev)));
    const ours = fresh.filter(([id, rev]) => this.waitingById.get(id)?.includes(rev));
    const theirs = fresh.filter(([id, rev]) => !this.waitingById.get(id)?.includes(rev)).map(([id, rev]) => key(id, rev));
    // our own, whose answer was lost on the way
    if (ours.length) await this.record(ours.map(([id, rev]) => ({ id, rev, state: "accepted", at })));
    if (!theirs.length) return;
    await this.store.change(["pulled"], (to) => void to("pulled").add({ database: this.database, revisions: theirs }));
    for (const one of theirs) this.pulled.add(one);
  }

  /** These local changes need no scan: all of them were pulled. False when earlier ones have not been looked at. */
  pass(from: number, to: number): boolean {
    if (this.scanned !== from) return false;
    this.scanned = to;
    return true;
  }

  /** The server's answers to a push, in one transaction. */
  async record(receipts: Receipt[]): Promise<void> {
    if (!receipts.length) return;
    await this.store.putAll(receipts.map((receipt) => ["receipts", [this.database, receipt.id, receipt.rev], receipt]));
    for (const receipt of receipts) {
      if (receipt.state === "accepted") this.forgetRefused(receipt.id, [receipt.rev]);
      this.remember(receipt);
      const left = (this.waitingById.get(receipt.id) ?? []).filter((rev) => rev !== receipt.rev);
      if (left.length) this.waitingById.set(receipt.id, left);
      else this.waitingById.delete(receipt.id);
    }
  }

  /** Moves the checkpoint when nothing waits and nothing is being pulled. Only the tab that syncs calls this. */
  async advance(): Promise<void> {
    if (this.pulling || this.waitingById.size || this.scanned <= this.checkpoint) return;
    const seq = this.scanned;
    await this.store.change(["values", "pulled"], (to) => {
      to("values").put(seq, `checkpoint:${this.database}`);
      forgetPulled(to, this.database);
    });
    this.checkpoint = seq;
    this.pulled.clear();
  }

  /** While revisions are between "accepted" and "written here" the checkpoint stays. */
  async whilePulling<T>(work: () => Promise<T>): Promise<T> {
    this.pulling++;
    try {
      return await work();
    } finally {
      this.pulling--;
    }
  }

  /** The server's data is another generation (a restored backup): what it accepted has to be shown again. */
  async forgetAccepted(pages: Pages): Promise<void> {
    await this.store.change(["receipts", "pulled", "values"], (to) => {
      for (const receipt of this.sent.values()) {
        if (receipt.state === "accepted") to("receipts").delete([this.database, receipt.id, receipt.rev]);
      }
      forgetPulled(to, this.database);
      to("values").put(0, `checkpoint:${this.database}`);
    });
    await this.load(pages);
  }

  state(id: string): ReceiptState {
    if (this.waitingById.has(id)) return "waiting";
    return this.refusedById.has(id) ? "refused" : "accepted";
  }

  of(id: string, rev: string): Receipt {
    const sent = this.sent.get(key(id, rev));
    if (sent) return sent;
    return { id, rev, state: this.waitingById.get(id)?.includes(rev) ? "waiting" : "accepted" };
  }

  waiting(): Revision[] {
    return [...this.waitingById].flatMap(([id, revs]) => revs.map((rev): Revision => [id, rev]));
  }

  refused(): Receipt[] {
    return [...this.refusedById].flatMap(([id, revs]) => [...revs].map((rev) => this.of(id, rev)));
  }

  counts(): { waiting: number; accepted: number; refused: number } {
    // with a code: settled, but nothing that the server keeps
    const accepted = new Set([...this.sent.values()].filter((one) => one.state === "accepted" && !one.code).map((one) => one.id));
    return { waiting: this.waitingById.size, accepted: accepted.size, refused: this.refusedById.size };
  }

  /** Ids that are not simply accepted, for the list. */
  pending(): Map<string, ReceiptState> {
    const ids = [...this.refusedById.keys(), ...this.waitingById.keys()];
    return new Map(ids.map((id) => [id, this.state(id)]));
  }

  private async read(): Promise<void> {
    const [sent, pulled, checkpoint] = await Promise.all([
      this.store.all<Receipt>("receipts", beginning(this.database)),
      this.store.all<{ database: string; revisions: string[] }>("pulled"),
      this.store.get<number>("values", `checkpoint:${this.database}`),
    ]);
    for (const receipt of sent) this.remember(receipt);
    for (const batch of pulled) if (batch.database === this.database) for (const one of batch.revisions) this.pulled.add(one);
    this.checkpoint = this.scanned = checkpoint ?? 0;
  }

  private async walk(pages: Pages): Promise<void> {
    for await (const page of pages(this.scanned)) {
      for (const row of page) {
        await this.look(row);
        this.scanned = Math.max(this.scanned, row.seq);
      }
    }
  }

  private async look(row: LocalChange): Promise<void> {
    const unanswered = row.leaves.filter((rev) => !this.sent.has(key(row.id, rev)) && !this.pulled.has(key(row.id, rev)));
    if (unanswered.length) this.waitingById.set(row.id, unanswered);
    else this.waitingById.delete(row.id);
    const noted = this.noted.get(row.id);
    if (noted !== undefined && !row.leaves.includes(noted) && !this.sent.has(key(row.id, noted))) this.wait(row.id, noted);
    const overtaken = [...(this.refusedById.get(row.id) ?? [])].filter((rev) => !row.leaves.includes(rev));
    if (overtaken.length) await this.dropRefused(row.id, overtaken);
  }

  private wait(id: string, rev: string, replaces?: string): void {
    const leaves = this.waitingById.get(id) ?? [];
    this.waitingById.set(id, [...leaves.filter((leaf) => leaf !== replaces && leaf !== rev), rev]);
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.catch(() => undefined).then(work);
    this.turn = mine;
    return mine;
  }

  /** A refused revision that has been amended or corrected is no longer anyone's concern. */
  private async dropRefused(id: string, revs: string[]): Promise<void> {
    await this.store.change(["receipts"], (to) => {
      for (const rev of revs) to("receipts").delete([this.database, id, rev]);
    });
    for (const rev of revs) this.sent.delete(key(id, rev));
    this.forgetRefused(id, revs);
  }

  private forgetRefused(id: string, revs: string[]): void {
    const left = this.refusedById.get(id);
    for (const rev of revs) left?.delete(rev);
    if (!left?.size) this.refusedById.delete(id);
  }

  private remember(receipt: Receipt): void {
    this.sent.set(key(receipt.id, receipt.rev), receipt);
    if (receipt.state !== "refused") return;
    const revs = this.refusedById.get(receipt.id) ?? new Set();
    this.refusedById.set(receipt.id, revs.add(receipt.rev));
  }
}
