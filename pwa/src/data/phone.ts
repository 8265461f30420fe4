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
import type { Blob, List } from "./list";
import { Server, type Fetch } from "./server";
import { Sessions } from "./session";
import { askToPersist, measureStorage } from "./storage";
import type { SyncChange } from "./sync";
import { SaveError } from "./types";
import type { Unlocked, Vault } from "./vault";
import type { Asked, WaysIn } from "./ways-in";
import type { Catalog, Door, Gate, InvitedAnswer, Session, SignInAnswer, SignOutAnswer, StorageState, SyncState, VisitLine } from "./types";

export interface Parts {
  fetch?: Fetch;
  /** names of the IndexedDB database and of PouchDB's ones */
  app?: string;
  prefix?: string;
  clock?: () => number;
  /** of the key from the PIN */
  rounds?: number;
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
  readonly gate = signal<Gate>("starting");
  readonly clock: Clock;
  readonly drafts: Drafts;
  /** of an open phone */
  list: List | undefined;

  private readonly store: AppStore;
  private readonly makeVault: () => Promise<Vault>;
  private readonly server: Server;
  private readonly sessions: Sessions;
  private readonly catalogs: Catalogs;
  private readonly prefix: string;
  private readonly patience: number;
  private made: Promise<Vault> | undefined;
  private opening: Promise<Engine> | undefined;
  private closing: Promise<unknown> = Promise.resolve();
  private channel: BroadcastChannel | undefined;
  private full = false;
  private stopped = false;
  /** of a sign-in on a phone without a vault: kept in memory until the PIN is chosen */
  private entered: { session: Session; escrow: string } | undefined;
  private waking: ReturnType<typeof setTimeout> | undefined;

  constructor({ fetch, app = "gtn-app", prefix = "gtn-", clock, rounds, patience = 50 }: Parts = {}) {
    this.store = new AppStore(app);
    this.makeVault = async () => new (await import("./vault")).Vault(this.store, clock, rounds);
    this.server = new Server(fetch);
    this.clock = new Clock(clock);
    this.drafts = new Drafts(this.store);
    this.sessions = new Sessions(this.store, this.server, this.clock);
    this.catalogs = new Catalogs(this.store, this.server);
    this.prefix = prefix;
    this.patience = patience;
  }

  /** Whether the vault waits for a PIN; nothing personal is read before. */
  async start(): Promise<void> {
    const [profile, catalog] = await Promise.all([this.store.get("values", "vault"), this.catalogs.load(), this.sessions.loadOffset()]);
    this.catalog.value = catalog;
    this.gate.value = profile ? "locked" : "welcome";
    this.listen();
  }

  /** Loaded behind the first paint. */
  vault(): Promise<Vault> {
    this.made ??= this.makeVault();
    this.made.catch(() => (this.made = undefined));
    return this.made;
  }

  async unlock(pin: string): Promise<Unlocked> {
    const answer = await (await this.vault()).unlock(pin);
    if (answer.ok) await this.open();
    return answer;
  }

  /** Forgets the key and all that it opened; what is typed or listed is written first. */
  async lock(): Promise<void> {
    if (this.gate.value !== "open") return;
    this.gate.value = "locked";
    await this.drafts.flush();
    await (await this.opening?.catch(() => undefined))?.keep().catch(() => undefined);
    await this.closeEngine();
    (await this.vault()).lock();
    this.sessions.current = null;
    this.empty();
  }

  /** The first PIN makes the vault; a later one wraps the same key anew. */
  async choosePin(pin: string): Promise<void> {
    if (!this.entered) {
      await (await this.vault()).change(pin);
      if (this.gate.value !== "open") await this.open();
      return;
    }
    const { session, escrow } = this.entered;
    await (await this.vault()).create(pin, escrow, session.device);
    await this.sessions.keep(session);
    this.entered = undefined;
    void askToPersist().then(() => this.measure());
    await this.open();
  }

  /** On a new phone a PIN is chosen next, on a locked one a new PIN; on an open one the work goes on. */
  async signIn(login: string, password: string): Promise<SignInAnswer> {
    if (await this.holdsRecordsOfAnother((person) => plain(person.login) === plain(login))) return this.unsentOfOther();
    return this.enter((ways, known) => ways.signIn(login, password, known));
  }

  /** Whom an invitation is for; it can still be used afterwards. */
  async look(code: string): Promise<InvitedAnswer> {
    const ways = await this.waysIn();
    if (this.gate.value !== "welcome" && (await ways.hasJoined(code))) return { ok: false, error: "joined", reason: "" };
    return ways.look(code, (await (await this.vault()).profile())?.device);
  }

  /** Comes in by an invitation, for the person that `look` told of. */
  async join(code: string, person: string): Promise<SignInAnswer> {
    if (await this.holdsRecordsOfAnother(({ id }) => id === person)) return this.unsentOfOther();
    return this.enter((ways, known) => ways.join(code, known, this.gate.value === "locked"));
  }

  private async waysIn(): Promise<WaysIn> {
    return new (await import("./ways-in")).WaysIn(this.store, this.server, this.sessions);
  }

  private unsentOfOther(): SignInAnswer {
    return { ok: false, error: "unsent-of-other", reason: this.session.value?.person.name ?? "" };
  }

  private async enter(ask: (ways: WaysIn, known: string | undefined) => Promise<Asked>): Promise<SignInAnswer> {
    const profile = await (await this.vault()).profile();
    const answer = await ask(await this.waysIn(), profile?.device);
    if (!answer.ok) return answer;
    const { session, escrow } = answer;
    if (!profile) this.entered = { session, escrow };
    else if (this.gate.value !== "open" && !(await (await this.vault()).recover(escrow))) {
      await this.sessions.undo();
      return { ok: false, error: "not-this-phone", reason: "" };
    }
    if (this.gate.value === "open") {
      const other = this.session.value?.person.id !== session.person.id;
      await this.goOn(session, escrow);
      if (other) this.gate.value = "new-pin"; // whoever comes next does not know the PIN of the one before
    } else {
      if (profile) await this.sessions.keep(session);
      this.gate.value = "new-pin";
    }
    return { ok: true, session };
  }

  private async goOn(session: Session, escrow: string): Promise<void> {
    const before = this.session.value?.database;
    await (await this.vault()).escrow(escrow, session.device);
    await this.sessions.keep(session);
    if (before !== session.database) {
      await this.closeEngine();
      await this.loadList(session.database);
      this.listed();
    }
    this.session.value = session;
    void this.fetchCatalog(session);
    void this.wake();
  }

  /** Shows what the last use left behind; the database and the first sync follow by themselves. */
  private async open(): Promise<void> {
    const session = await this.sessions.load();
    if (session) await this.loadList(session.database);
    const last = session && (await this.store.get<string>("values", `last:${session.database}`));
    batch(() => {
      if (last) this.show({ last });
      this.session.value = session;
      this.listed();
      this.gate.value = session ? "open" : "welcome";
    });
    if (session && !this.catalog.value) void this.fetchCatalog(session);
    setTimeout(() => void this.wake(), this.patience);
  }

  async signOut(): Promise<SignOutAnswer> {
    const engine = await this.engine();
    const { waiting } = engine.counts();
    if (waiting) return { ok: false, waiting, error: "waiting" };
    const { database } = this.sessions.current ?? { database: "" };
    try {
      // another tab, or a form of this one, may have saved meanwhile: that is never thrown away
      const nothingWaits = async () => {
        await engine.records.settled();
        await engine.refresh();
        return engine.counts().waiting === 0 && !engine.records.saving;
      };
      if (!(await this.sessions.signOut(nothingWaits))) return { ok: false, waiting: engine.counts().waiting, error: "waiting" };
    } catch {
      return { ok: false, waiting: 0, error: "offline" };
    }
    const { refused } = engine.counts();
    // a refused record is whole only here: its database stays for the next sign-in of this unit
    await this.closeEngine(refused === 0);
    if (refused === 0) await this.store.forget(database);
    // with a refused record the vault stays too: it opens by the PIN, or by signing in again
    (await this.vault()).lock();
    this.empty();
    this.gate.value = refused === 0 ? "welcome" : "locked";
    return { ok: true };
  }

  private empty(): void {
    this.list = undefined;
    batch(() => {
      this.session.value = null;
      this.sync.value = { phase: "idle", counted: false, waiting: 0, accepted: 0, refused: 0 };
      this.listed();
    });
  }

  /** This phone was reported lost: whoever holds it keeps nothing, neither sent nor unsent. */
  private async destroy(): Promise<void> {
    this.stopped = true;
    (await this.vault()).lock();
    this.sessions.current = null;
    this.empty();
    this.show({ phase: "signed-out", error: "device-lost" });
    this.gate.value = "welcome";
    const gone = this.closeEngine(true); // begun at once: whoever closes the app in this moment only waits for it
    await this.store.erase();
    await gone;
    this.stopped = false;
  }

  /** PouchDB and the sync engine, loaded when first asked for. @throws SaveError `signed-out` */
  engine(): Promise<Engine> {
    const { list } = this;
    const database = this.sessions.current?.database;
    if (!database || !list) return Promise.reject(new SaveError("signed-out"));
    if (this.opening) return this.opening;
    const opening = this.closing.then(() => import("./engine")).then(({ Engine }) => Engine.open(this.host(list), database, this.prefix));
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

  private host(list: List) {
    return {
      store: this.store,
      server: this.server,
      clock: this.clock,
      list,
      session: () => this.sessions.current,
      catalog: () => this.catalog.value,
      hello: (state: Record<string, unknown>) => this.hello(state),
      show: (change: SyncChange) => this.show(change),
      listed: () => this.listed(),
      tell: () => this.channel?.postMessage("changed"),
      lost: () => void this.destroy(),
      erased: (ids: string[]) => this.drafts.dropNaming(ids),
      wrote: () => this.noteRoom(false),
      broke: (full: boolean) => this.reopen(full),
    };
  }

  private async hello(state: Record<string, unknown>): Promise<Session> {
    const { left, persisted } = await this.measure();
    const session = await this.sessions.hello({
      ...state,
      ...(left !== undefined && { storage_left: Math.round(left) }),
      ...(persisted !== undefined && { persisted }),
    });
    this.session.value = session;
    void this.fetchCatalog(session);
    return session;
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
      this.doors.value = this.list?.doors() ?? [];
      this.visitLines.value = this.list?.visits() ?? [];
    });
  }

  private async loadList(database: string): Promise<void> {
    const [{ List }, kept] = await Promise.all([import("./list"), this.store.get<Blob>("values", `list:${database}`)]);
    this.list = List.from(kept);
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
}
