/**
 * When to sync, and what the screens see of it. One round is: greet the server, push what waits, pull what is new; with
 * nothing new it is the greeting alone. One tab at a time does it, and a failed round is tried again, later and later.
 */
import { localChanges } from "./database";
import { alone } from "./locks";
import { learn } from "./outcomes";
import { DiskFull, NO_ROOM, pull, push, type PullMark, type Replica } from "./replication";
import { Rejected, Unreachable } from "./server";
import { ask, snapshot, type Asked, type Written } from "./snapshot";
import type { PhotoCounts, Session, SyncState } from "./types";

const SOON = 3_000; // ms after a save
const REGULAR = 5 * 60_000; // ms, while the app is looked at
const FIRST_WAIT = 2_000;
const LONGEST_WAIT = 60_000;

/** Fields to set; undefined clears one. */
export type SyncChange = { [Field in keyof SyncState]?: SyncState[Field] | undefined };

export interface Surroundings {
  replica: Replica;
  /** greets the server: keeps the session and the clock's offset */
  hello(counts: { waiting: number; accepted: number; refused: number; last_error?: string }): Promise<Session>;
  now(): string;
  /** the server says that this phone was reported lost */
  lost(): void;
  /** the server says that this person belongs to another unit now, or to none any more */
  depart(how: "move" | "end"): void;
  /** hands in what waits for units that they have left */
  handIn(): Promise<void>;
  /** shows a change of state */
  show(change: SyncChange): void;
  /** The browser has closed the database, or it could not be written: it is opened anew, with a sync of its own. */
  broke(full: boolean): void;
  /** photos, which go after the records of a round */
  photos: {
    counts(): PhotoCounts;
    send(session: Session, pause: () => boolean): Promise<void>;
  };
  /** documents or receipts have changed */
  changed(): Promise<void>;
  /** Takes in what the first sync wrote. False when something else was written meanwhile: then look for all changes. */
  took(written: Written): Promise<boolean>;
  random?: () => number;
}

export class Sync {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: Promise<void> | undefined;
  private failures = 0;
  private lastError: string | undefined;
  private signedOut = false;
  private again = false;
  private stopped = false;
  private listens = false;
  private readonly listening = new AbortController();

  constructor(private readonly around: Surroundings) {}

  /** Listens to what should set off a round. */
  listen(): void {
    if (typeof document === "undefined" || this.listens) return;
    this.listens = true;
    const { signal } = this.listening;
    const visible = () => document.visibilityState === "visible";
    addEventListener("online", () => this.hurry(), { signal });
    addEventListener("offline", () => this.around.show({ phase: "offline" }), { signal });
    document.addEventListener("visibilitychange", () => visible() && this.hurry(), { signal });
    const regular = setInterval(() => visible() && void this.run(), REGULAR);
    signal.addEventListener("abort", () => clearInterval(regular));
  }

  /** Resolves when a round under way has ended, which it does after its present request. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.listening.abort();
    clearTimeout(this.timer);
    await this.running;
  }

  /** A record was saved. */
  soon(): void {
    if (this.running) this.again = true;
    else if (!this.failures) this.schedule(SOON);
  }

  /** The network is back, or someone tapped: no waiting out of a back-off. */
  hurry(): Promise<void> {
    this.failures = 0;
    return this.run();
  }

  /** Someone signed in again. */
  resume(): Promise<void> {
    this.signedOut = false;
    return this.hurry();
  }

  /** One round, or the one that is under way. Never rejects: what went wrong is in the state. */
  run(): Promise<void> {
    if (this.stopped || this.signedOut) return Promise.resolve();
    clearTimeout(this.timer);
    this.running ??= this.once().finally(() => {
      this.running = undefined;
      if (this.again && !this.failures) this.schedule(SOON);
      this.again = false;
    });
    return this.running;
  }

  private async once(): Promise<void> {
    if (typeof navigator !== "undefined" && navigator.onLine === false) return this.fail(new Unreachable("unreachable"));
    try {
      const done = await alone(`gtn-sync-${this.around.replica.store.name}`, () => this.round());
      if (done === undefined) return this.schedule(LONGEST_WAIT); // another tab does it and tells us
      this.failures = 0;
      this.lastError = undefined;
      const last = this.around.now();
      await this.around.replica.store.put("values", `last:${this.around.replica.name}`, last);
      this.around.show({ phase: "idle", last, error: undefined, nextTry: undefined, progress: undefined });
    } catch (error) {
      this.fail(error);
    }
  }

  private async round(): Promise<true> {
    const { replica } = this.around;
    await this.scan();
    const counts = replica.receipts.counts();
    const photos = this.around.photos.counts();
    // what the ward has set aside for good needs nobody's help
    const refused = new Set(replica.receipts.refused().flatMap(({ id, outcome }) => (outcome?.state === "set-aside" ? [] : id))).size;
    const all = { ...counts, waiting: counts.waiting + photos.waiting, refused: refused + photos.refused };
    const first = await this.askFirst();
    const session = await this.around.hello({ ...all, ...(this.lastError && { last_error: this.lastError }) });
    if (session.database !== replica.name) {
      this.around.depart("move"); // with this round's end
      return true;
    }
    await this.around.handIn();
    if (counts.refused && session.decided) {
      await learn(replica, session.decided);
      await this.around.changed();
    }
    const { mark, reset } = await this.mark(session);
    // after a reset the pull shows what the server still has; only the rest is sent again
    const from = reset ? await this.pull(mark, session) : mark;
    let full: Rejected | undefined; // what is new comes all the same
    const undecided = await this.push().catch((error: unknown) => {
      if (!(error instanceof Rejected) || error.code !== NO_ROOM) throw error;
      full = error;
    });
    if (from.seen !== session.update_seq) await this.pull(from, session, first);
    await this.settle();
    if (full) throw full;
    if (undecided) throw new Rejected(500, "server-error", "");
    await this.around.photos.send(session, () => this.stopped || this.again);
    return true;
  }

  /** A phone that holds nothing asks for the first chunk together with its greeting. */
  private async askFirst(): Promise<Asked | undefined> {
    const { replica } = this.around;
    return (await replica.store.get("values", `pull:${replica.name}`)) ? undefined : ask(replica, "0");
  }

  /** Where the last pull ended; the beginning when the server's data are another generation, or ours have vanished. */
  private async mark({ generation }: Session): Promise<{ mark: PullMark; reset: boolean }> {
    const { store, receipts, name } = this.around.replica;
    const known = await store.get<PullMark>("values", `pull:${name}`);
    if (!known) {
      const mark = { since: "0", generation, snapshot: true };
      // kept before anything is sent: receipts of a first round that is cut belong to this generation
      await store.put("values", `pull:${name}`, mark);
      return { mark, reset: false };
    }
    if (known.generation === generation) return { mark: known, reset: false };
    await receipts.forgetAccepted((since) => localChanges(this.around.replica.local, since, false));
    await this.around.changed(); // from here on nobody says "all sent", in no tab, whatever becomes of this round
    return { mark: { since: "0", generation }, reset: true };
  }

  /** Sends until nothing waits. True when the server named a document without deciding about it. */
  private async push(): Promise<boolean> {
    const { replica, show, changed } = this.around;
    for (;;) {
      const waiting = replica.receipts.waiting();
      if (!waiting.length || this.stopped) return false;
      show({ phase: "push" });
      await push(replica, waiting);
      await this.settle();
      await changed();
      const left = new Set(replica.receipts.waiting().map((one) => one.join("\n")));
      if (waiting.some((one) => left.has(one.join("\n")))) return true;
    }
  }

  private async pull(mark: PullMark, session: Session, asked?: Asked): Promise<PullMark> {
    const { replica, show, changed } = this.around;
    const first = !mark.complete;
    show({ phase: first ? "first" : "pull" });
    const begun = performance.now();
    const came = async (done: number, total: number, bytes = 0, known = false) => {
      if (this.stopped) throw new Error("stopped");
      const left = (((performance.now() - begun) / done) * (total - done)) / 1000;
      if (first) show({ progress: { done, total, bytes, left } });
      if (known) return;
      await this.settle();
      await changed();
    };
    if (!first || !mark.snapshot) return pull(replica, mark, session.update_seq, session.time, came);
    const took = async (written: Written, ...progress: [number, number, number]) => came(...progress, await this.around.took(written));
    const end = await snapshot(replica, mark, session.time, took, asked);
    await changed();
    const settled = async () => {
      await this.settle();
      await changed();
    };
    return pull(replica, end.mark, session.update_seq, session.time, settled, end.asked);
  }

  private scan(): Promise<unknown> {
    const { local, receipts } = this.around.replica;
    return receipts.scan((since) => localChanges(local, since, false));
  }

  private async settle(): Promise<void> {
    await this.scan();
    await this.around.replica.receipts.advance();
  }

  private fail(error: unknown): void {
    if (this.stopped) return;
    const code = codeOf(error);
    this.lastError = code;
    if (code === "phone-error") console.error(error); // nothing that we know: for whoever looks at the console
    if (error instanceof Rejected && error.status === 401 && !error.foreign) {
      this.signedOut = true;
      if (error.code === "device-lost") return this.around.lost();
      if (error.code === "access-ended") this.around.depart("end");
      return this.around.show({ phase: "signed-out", error: code, nextTry: undefined, progress: undefined });
    }
    const offline = typeof navigator !== "undefined" && navigator.onLine === false;
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.failures++) * (0.75 + (this.around.random ?? Math.random)() / 4);
    const nextTry = new Date(Date.parse(this.around.now()) + wait).toISOString();
    this.around.show({ phase: offline ? "offline" : "failed", error: code, nextTry, progress: undefined });
    if (code === "phone-error" || error instanceof DiskFull) this.around.broke(error instanceof DiskFull);
    else this.schedule(wait);
  }

  private schedule(wait: number): void {
    clearTimeout(this.timer);
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.run(), wait);
    // in Node a waiting timer must not keep the process alive
    (this.timer as { unref?: () => void }).unref?.();
  }
}

/** Ways in which access ends that a password does not mend. */
const ENDED = ["device-revoked", "device-lost", "access-ended"];

/** Stable codes for `sync.error.<code>`. */
function codeOf(error: unknown): string {
  if (error instanceof Unreachable || error instanceof DiskFull) return error.code;
  if (!(error instanceof Rejected)) return "phone-error";
  if (error.status === 401 && !error.foreign) return ENDED.includes(error.code) ? error.code : "signed-out";
  if (error.code === NO_ROOM) return error.code;
  if (error.status === 503 || error.status === 429) return "server-busy";
  return error.status >= 500 ? "server-error" : error.code;
}
