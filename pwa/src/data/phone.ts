/**
 * One phone: what it holds, shown as signals. The screens use the one made in `index.ts`; tests make several.
 *
 * Everything here is small and starts without PouchDB and without the network; `engine()` loads the rest.
 */
import { batch, signal } from "@preact/signals";
import { AppStore } from "./app-store";
import { Catalogs } from "./catalog";
import { Clock } from "./clock";
import { Drafts } from "./drafts";
import type { Engine } from "./engine";
import { List, type Blob } from "./list";
import { Rejected, Server, type Fetch } from "./server";
import { Sessions } from "./session";
import { askToPersist, measureStorage } from "./storage";
import type { SyncChange } from "./sync";
import { SaveError } from "./types";
import type { Catalog, Door, InvitedAnswer, Session, SignInAnswer, SignOutAnswer, StorageState, SyncState, VisitLine } from "./types";

export interface Parts {
  fetch?: Fetch;
  /** names of the IndexedDB database and of PouchDB's ones */
  app?: string;
  prefix?: string;
  clock?: () => number;
  /** ms after start before PouchDB is loaded: the first paint goes first */
  patience?: number;
}

const REOPEN = 2_000; // ms after a failed write
const plain = (text: string) => text.normalize("NFC").trim().toLowerCase();

export class Phone {
  readonly session = signal<Session | null>(null);
  readonly catalog = signal<Catalog | null>(null);
  readonly doors = signal<Door[]>([]);
  readonly visitLines = signal<VisitLine[]>([]);
  readonly sync = signal<SyncState>({ phase: "idle", counted: false, waiting: 0, accepted: 0, refused: 0 });
  readonly storage = signal<StorageState>({ low: false });
  readonly ready = signal(false);
  readonly clock: Clock;
  readonly drafts: Drafts;
  list = new List();

  private readonly store: AppStore;
  private readonly server: Server;
  private readonly sessions: Sessions;
  private readonly catalogs: Catalogs;
  private readonly prefix: string;
  private readonly patience: number;
  private opening: Promise<Engine> | undefined;
  private closing: Promise<unknown> = Promise.resolve();
  private channel: BroadcastChannel | undefined;
  private full = false;
  private stopped = false;
  private waking: ReturnType<typeof setTimeout> | undefined;

  constructor({ fetch, app = "gtn-app", prefix = "gtn-", clock, patience = 50 }: Parts = {}) {
    this.store = new AppStore(app);
    this.server = new Server(fetch);
    this.clock = new Clock(clock);
    this.drafts = new Drafts(this.store);
    this.sessions = new Sessions(this.store, this.server, this.clock);
    this.catalogs = new Catalogs(this.store, this.server);
    this.prefix = prefix;
    this.patience = patience;
  }

  /** Shows what the last use left behind; the database and the first sync follow by themselves. */
  async start(): Promise<void> {
    const [session, catalog] = await Promise.all([this.sessions.load(), this.catalogs.load()]);
    if (session) await this.loadList(session.database);
    const last = session && (await this.store.get<string>("values", `last:${session.database}`));
    batch(() => {
      if (last) this.show({ last });
      this.session.value = session;
      this.catalog.value = catalog;
      this.listed();
      this.ready.value = true;
    });
    this.listen();
    setTimeout(() => void this.wake(), this.patience);
  }

  async signIn(login: string, password: string): Promise<SignInAnswer> {
    if (await this.holdsRecordsOfAnother((person) => plain(person.login) === plain(login))) return this.unsentOfOther();
    return this.enter(() => this.sessions.signIn(login, password));
  }

  look(code: string): Promise<InvitedAnswer> {
    return this.sessions.look(code);
  }

  /** Comes in by an invitation, for the person that `look` told of. */
  async join(code: string, person: string): Promise<SignInAnswer> {
    if (await this.holdsRecordsOfAnother(({ id }) => id === person)) return this.unsentOfOther();
    return this.enter(() => this.sessions.join(code));
  }

  private unsentOfOther(): SignInAnswer {
    return { ok: false, error: "unsent-of-other", reason: this.session.value?.person.name ?? "" };
  }

  private async enter(ask: () => Promise<SignInAnswer>): Promise<SignInAnswer> {
    const before = this.session.value?.database;
    const answer = await ask();
    if (!answer.ok) return answer;
    if (before !== answer.session.database) {
      await this.closeEngine();
      await this.loadList(answer.session.database);
      this.listed();
    }
    this.session.value = answer.session;
    void this.fetchCatalog(answer.session);
    void askToPersist().then(() => this.measure());
    void this.wake();
    return answer;
  }

  async signOut(): Promise<SignOutAnswer> {
    const engine = await this.engine();
    const { waiting } = engine.counts();
    if (waiting) return { ok: false, waiting, error: "waiting" };
    const { database } = this.sessions.current ?? { database: "" };
    try {
      // another tab, or a form of this one, may have saved meanwhile: that is never thrown away
      const nothingWaits = async () => (await engine.refresh(), engine.counts().waiting === 0);
      if (!(await this.sessions.signOut(nothingWaits))) return { ok: false, waiting: engine.counts().waiting, error: "waiting" };
    } catch {
      return { ok: false, waiting: 0, error: "offline" };
    }
    const { refused } = engine.counts();
    // a refused record is whole only here: its database stays for the next sign-in of this unit
    await this.closeEngine(refused === 0);
    if (refused === 0) await this.forget(database);
    this.list = new List();
    batch(() => {
      this.session.value = null;
      this.sync.value = { phase: "idle", counted: false, waiting: 0, accepted: 0, refused: 0 };
      this.listed();
    });
    return { ok: true };
  }

  /** PouchDB and the sync engine, loaded when first asked for. @throws SaveError `signed-out` */
  engine(): Promise<Engine> {
    const database = this.sessions.current?.database;
    if (!database) return Promise.reject(new SaveError("signed-out"));
    if (this.opening) return this.opening;
    const opening = this.closing.then(() => import("./engine")).then(({ Engine }) => Engine.open(this.host(), database, this.prefix));
    this.opening = opening;
    opening.catch(() => this.opening === opening && (this.opening = undefined));
    return opening;
  }

  async measure(): Promise<StorageState> {
    const measured = await measureStorage();
    this.storage.value = this.full ? { ...measured, low: true, full: true } : measured;
    return this.storage.value;
  }

  /** As when the app is closed. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.waking);
    this.channel?.close();
    await this.drafts.flush();
    await this.closeEngine();
    await this.store.close();
  }

  private async holdsRecordsOfAnother(isSame: (person: Session["person"]) => boolean): Promise<boolean> {
    const person = this.session.value?.person;
    if (!person || isSame(person)) return false;
    return (await this.engine()).counts().waiting > 0;
  }

  private async wake(): Promise<void> {
    try {
      await this.measure();
      if (!this.session.value) return;
      const engine = await this.engine();
      engine.sync.listen();
      await engine.sync.resume();
    } catch (error) {
      // the list stays usable; saving says what is wrong
      if (error instanceof SaveError) return;
      console.error(error);
      this.show({ phase: "failed", error: "phone-error" });
      this.wakeLater(); // a list that was not kept in time is empty until the database has opened
    }
  }

  private host() {
    return {
      store: this.store,
      server: this.server,
      clock: this.clock,
      list: this.list,
      session: () => this.sessions.current,
      catalog: () => this.catalog.value,
      hello: (state: Record<string, unknown>) => this.hello(state),
      show: (change: SyncChange) => this.show(change),
      listed: () => this.listed(),
      tell: () => this.channel?.postMessage("changed"),
      wrote: () => this.noteRoom(false),
      broke: (full: boolean) => this.reopen(full),
    };
  }

  private async hello(state: Record<string, unknown>): Promise<Session> {
    const { left, persisted } = await this.measure();
    const told = {
      ...state,
      ...(left !== undefined && { storage_left: Math.round(left) }),
      ...(persisted !== undefined && { persisted }),
    };
    const session = await this.sessions.hello(told).catch((error: unknown) => {
      if (error instanceof Rejected && error.code === "device-lost") void this.removeAll().catch(console.error);
      throw error;
    });
    this.session.value = session;
    void this.fetchCatalog(session);
    return session;
  }

  /** This phone was reported lost: whoever holds it now finds nothing, sent or not. */
  private async removeAll(): Promise<void> {
    const { database } = this.sessions.current ?? { database: "" };
    await this.closeEngine(true);
    await this.forget(database);
    await this.sessions.forget();
    this.list = new List();
    batch(() => {
      this.session.value = null;
      this.sync.value = { phase: "signed-out", counted: false, waiting: 0, accepted: 0, refused: 0, error: "device-lost" };
      this.listed();
    });
  }

  private async fetchCatalog(session: Session): Promise<void> {
    // without it the app goes on with the one that it has; the next round tries again
    const fresh = await this.catalogs.fetch(session.catalog).catch(() => null);
    if (fresh) this.catalog.value = fresh;
  }

  private show(change: SyncChange): void {
    const fields = Object.entries({ ...this.sync.value, ...change }).filter(([, value]) => value !== undefined);
    this.sync.value = Object.fromEntries(fields) as unknown as SyncState;
  }

  private listed(): void {
    batch(() => {
      this.doors.value = this.list.doors();
      this.visitLines.value = this.list.visits();
    });
  }

  private async loadList(database: string): Promise<void> {
    this.list = List.from(await this.store.get<Blob>("values", `list:${database}`));
  }

  private listen(): void {
    if (typeof BroadcastChannel === "undefined") return;
    this.channel = new BroadcastChannel(this.store.name);
    (this.channel as { unref?: () => void }).unref?.();
    // a refresh that fails (the database is just closing) is made up for by the next one, or at start
    this.channel.onmessage = () => void this.opening?.then((engine) => engine.refresh()).catch(() => undefined);
    if (typeof document === "undefined") return;
    const leaving = () => void (document.visibilityState === "hidden" && this.opening?.then((engine) => engine.keep()).catch(() => undefined));
    document.addEventListener("visibilitychange", leaving);
  }

  /** A failed write, a full disk above all, closes PouchDB for good: the next call gets a fresh one. */
  private reopen(full: boolean): void {
    void this.closeEngine();
    this.noteRoom(full);
    this.wakeLater();
  }

  private wakeLater(): void {
    if (this.stopped) return;
    clearTimeout(this.waking);
    this.waking = setTimeout(() => void this.wake(), this.patience + REOPEN);
    (this.waking as { unref?: () => void }).unref?.();
  }

  /** Whether the last record found room: a browser may tell of gigabytes until a write fails. */
  private noteRoom(full: boolean): void {
    if (this.full === full) return;
    this.full = full;
    void this.measure();
  }

  private async closeEngine(destroy = false): Promise<void> {
    const opening = this.opening;
    this.opening = undefined;
    const close = async () => {
      const engine = await opening?.catch(() => undefined);
      await (destroy ? engine?.destroy() : engine?.close())?.catch(() => undefined);
    };
    this.closing = this.closing.then(close);
    await this.closing;
  }

  private async forget(database: string): Promise<void> {
    await this.store.change(["values", "receipts", "drafts"], (to) => {
      for (const kind of ["checkpoint", "pull", "list", "last"]) to("values").delete(`${kind}:${database}`);
      to("receipts").delete(IDBKeyRange.bound([database], [database, []]));
      to("drafts").clear();
    });
  }
}
