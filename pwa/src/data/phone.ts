/**
 * One phone: what it holds, shown as signals. The screens use the one made in `index.ts`; tests make several.
 *
 * Everything here is small and starts without PouchDB and without the network; `engine()` loads the rest.
 */
import { batch, signal } from "@preact/signals";
import { AppStore } from "./app-store";
import type { Arrivals } from "./arrivals";
import { Catalogs } from "./catalog";
import { Clock } from "./clock";
import { Drafts } from "./drafts";
import type { Engine } from "./engine";
import type { Blob, List } from "./list";
import type { Place } from "./remains";
import { Server, type Fetch } from "./server";
import { Sessions } from "./session";
import { askToPersist, Room } from "./storage";
import type { SyncChange } from "./sync";
import { SaveError } from "./types";
import type { Unlocked, Vault } from "./vault";
import { profilesIn } from "./profiles";
import type { Vaults } from "./vaults";
import type { Catalog, Door, Gate, InvitedAnswer, Owner, Session, SignInAnswer, SignOutAnswer, SyncState, VisitLine } from "./types";

export interface Parts {
  fetch?: Fetch;
  /** what the names of the IndexedDB databases begin with, the app's own and PouchDB's */
  app?: string;
  prefix?: string;
  clock?: () => number;
  /** ms that no one can set, for waiting after wrong PINs */
  stopwatch?: () => number;
  /** of the key from the PIN */
  rounds?: number;
  /** ms after start before PouchDB is loaded: the first paint goes first */
  patience?: number;
}

const REOPEN = 2_000; // ms after the database broke; twice as long each time until a round succeeds
const MOST_BREAKS = 5;
const NOTHING: SyncState = { phase: "idle", counted: false, waiting: 0, accepted: 0, refused: 0 };

export class Phone {
  readonly session = signal<Session | null>(null);
  readonly catalog = signal<Catalog | null>(null);
  readonly doors = signal<Door[]>([]);
  readonly visitLines = signal<VisitLine[]>([]);
  readonly sync = signal<SyncState>(NOTHING);
  readonly room = new Room();
  readonly gate = signal<Gate>("starting");
  /** whose vaults are here, by picture; and which of them is meant, none while someone new comes in */
  readonly owners = signal<Owner[]>([]);
  readonly chosen = signal<string | undefined>(undefined);
  readonly clock: Clock;
  readonly drafts: Drafts;
  /** of an open phone */
  list: List | undefined;
  /** whether someone is writing, so that nothing may be shown in place of it */
  busy: () => boolean = () => false;

  readonly shared: AppStore;
  /** of the vault that is open */
  readonly own = new AppStore(undefined);
  private readonly makeVault: (id: string) => Promise<Vault>;
  private readonly app: string;
  readonly server: Server;
  readonly sessions: Sessions;
  private readonly catalogs: Catalogs;
  readonly prefix: string;
  private readonly patience: number;
  private registry: Promise<Vaults> | undefined;
  private made: { id: string; vault: Promise<Vault> } | undefined;
  private opening: Promise<Engine> | undefined;
  private closing: Promise<unknown> = Promise.resolve();
  private channel: BroadcastChannel | undefined;
  private stopped = false;
  /** who was signed in here before there were vaults */
  private before: Session | undefined;
  private arriving: Promise<Arrivals> | undefined;
  private waking: ReturnType<typeof setTimeout> | undefined;
  private breaks = 0;

  constructor({ fetch, app = "gtn-app", prefix = "gtn-", clock, stopwatch, rounds, patience = 50 }: Parts = {}) {
    this.app = app;
    this.shared = new AppStore(app);
    this.makeVault = async (id) => new (await import("./vault")).Vault(await this.vaults(), this.own, id, `${app}-${id}`, stopwatch, rounds);
    this.server = new Server(fetch);
    this.clock = new Clock(clock);
    this.drafts = new Drafts(this.own);
    this.sessions = new Sessions(this.shared, this.own, this.server, this.clock);
    this.catalogs = new Catalogs(this.shared, this.server);
    this.prefix = prefix;
    this.patience = patience;
  }

  /** Whether a vault waits for a PIN; nothing personal is read before. */
  async start(): Promise<void> {
    const [catalog, before] = await Promise.all([this.catalogs.load(), this.shared.get<Session>("values", "session"), this.sessions.loadOffset()]);
    this.catalog.value = catalog;
    this.before = before && "person" in before ? before : undefined;
    await this.survey();
    if (this.before) this.gate.value = "new-pin";
    this.listen();
    setTimeout(() => void this.sweep(), this.patience);
  }

  /** Whose vaults are here; the only one is meant by itself, unless someone new is just `entering`. */
  private async survey(entering = false): Promise<void> {
    const profiles = await profilesIn(this.shared);
    batch(() => {
      this.owners.value = profiles.map(({ id, picture }) => ({ id, picture }));
      const someoneNew = entering && this.chosen.value === undefined;
      if (!someoneNew && !profiles.some(({ id }) => id === this.chosen.value)) this.chosen.value = profiles.length === 1 ? profiles[0]?.id : undefined;
      this.gate.value = profiles.length ? "locked" : "welcome";
    });
  }

  /** Whose vault is to be opened; none for someone new. */
  choose(id: string | undefined): void {
    if (this.gate.value === "locked") this.chosen.value = id;
  }

  /** The picture by which the one whose vault is open knows their place. */
  async choosePicture(picture: string): Promise<void> {
    const { id } = await this.vault();
    await (await this.vaults()).change(id, (profile) => [{ ...profile, picture }, undefined]);
    this.owners.value = this.owners.value.map((one) => (one.id === id ? { ...one, picture } : one));
    this.tell("vaults");
  }

  vaults(): Promise<Vaults> {
    this.registry ??= import("./vaults").then((module) => new module.Vaults(this.shared));
    this.registry.catch(() => (this.registry = undefined));
    return this.registry;
  }

  /** Loaded behind the first paint. @throws SaveError `signed-out` when none is chosen */
  vault(id = this.chosen.value): Promise<Vault> {
    if (id === undefined) return Promise.reject(new SaveError("signed-out"));
    if (this.made?.id !== id) this.made = { id, vault: this.makeVault(id) };
    const { vault } = this.made;
    vault.catch(() => (this.made = undefined));
    return vault;
  }

  async unlock(pin: string): Promise<Unlocked> {
    const answer = await (await this.vault()).unlock(pin);
    if (answer.ok) await this.open();
    return answer;
  }

  /** Forgets the key and all that it opened; what is typed or listed is written first. */
  async lock(): Promise<void> {
    if (this.gate.value !== "open") return;
    const owner = this.chosen.value;
    this.gate.value = "locked";
    await this.drafts.flush();
    const engine = await this.opening?.catch(() => undefined);
    await engine?.records.settled();
    await engine?.keep().catch(() => undefined);
    await this.drop({}, owner);
  }


  /** The first PIN makes the vault; a later one wraps the same key anew. */
  async choosePin(pin: string, picture?: string): Promise<void> {
    const arrivals = await this.arrivals();
    if (!arrivals.entered) await (await this.vault()).change(pin);
    else if (await arrivals.settle(pin, picture)) {
      this.tell("vaults");
      void askToPersist().then(() => this.room.measure());
    } else return this.drop();
    if (this.gate.value !== "open") await this.open();
  }

  async signIn(login: string, password: string): Promise<SignInAnswer> {
    return (await this.arrivals()).signIn(login, password);
  }

  async look(code: string): Promise<InvitedAnswer> {
    return (await this.arrivals()).look(code);
  }

  /** Comes in by an invitation, for the person that `look` told of. */
  async join(code: string, person: string): Promise<SignInAnswer> {
    return (await this.arrivals()).join(code, person);
  }

  private arrivals(): Promise<Arrivals> {
    this.arriving ??= import("./arrivals").then(({ Arrivals }) => new Arrivals(this, this.server, this.before));
    this.arriving.catch(() => (this.arriving = undefined));
    return this.arriving;
  }

  /** The same person has signed in again at the open vault. */
  async goOn(session: Session, escrow: string): Promise<void> {
    const before = this.session.value?.database;
    await (await this.vault()).escrow(escrow, session.device);
    await this.sessions.keep(session);
    void this.fetchCatalog(session);
    if (before !== session.database) return this.depart("move", false);
    this.session.value = session;
    void this.wake();
  }

  /** The person belongs to another unit now, or to none any more; loaded when that happens. */
  async depart(how: "move" | "end", busy = this.busy()): Promise<void> {
    await (await import("./moving"))[how](this, busy);
  }

  /** Shows the unit's own list in place of another's, and brings it up to date. */
  async change(session: Session): Promise<void> {
    await this.closeEngine();
    await this.loadList(session.database);
    batch(() => {
      this.sync.value = { ...NOTHING };
      this.session.value = session;
      this.listed();
    });
    void this.wake();
  }

  /** Shows what the last use left behind; the database and the first sync follow by themselves. */
  private async open(): Promise<void> {
    const { id } = await this.vault();
    this.server.slot = (await (await this.vaults()).get(id))?.slot ?? "";
    this.drafts.belongTo(id);
    const session = await this.sessions.load();
    if (session) await this.loadList(session.database);
    const last = session && (await this.own.get<string>("values", `last:${session.database}`));
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
    return (await import("./leaving")).signOut(this);
  }

  /** The vault is removed already; now its databases go, and every tab that shows them is locked. */
  async discard(id: string, why: SyncChange = {}): Promise<void> {
    const { database } = this.sessions.current ?? { database: "" };
    this.tell("vaults");
    await this.drop(why);
    const { sweepOne } = await import("./remains");
    await sweepOne(await this.place(), id, database).catch(() => undefined); // else at the next start
  }

  /** Closes what is open and shows whose vaults are here. */
  private async drop(why: SyncChange = {}, owner = this.chosen.value): Promise<void> {
    this.gate.value = "locked";
    this.sessions.current = null;
    this.server.slot = "";
    this.empty();
    this.show(why);
    await this.closeEngine();
    await (owner ? this.vault(owner) : undefined)?.then((vault) => vault.lock(), () => undefined);
    await this.survey(owner !== undefined); // someone new may have tapped meanwhile
  }

  async place(): Promise<Place> {
    return { app: this.app, prefix: this.prefix, shared: this.shared, vaults: await this.vaults() };
  }

  /** Removes what was to be removed when the app was last closed. */
  async sweep(): Promise<void> {
    if (this.stopped) return;
    const { sweep } = await import("./remains");
    await sweep(await this.place()).catch((error: unknown) => console.error(error)); // again at the next start
  }

  private empty(): void {
    this.list = undefined;
    batch(() => {
      this.session.value = null;
      this.sync.value = { ...NOTHING };
      this.listed();
    });
  }

  /** This phone was reported lost: whoever holds it keeps nothing of this person, neither sent nor unsent. */
  private async destroy(): Promise<void> {
    const { id } = await this.vault();
    await (await this.vaults()).remove(id);
    await this.discard(id, { phase: "signed-out", error: "device-lost" });
  }

  /** PouchDB and the sync engine, loaded when first asked for. @throws SaveError `signed-out` */
  engine(): Promise<Engine> {
    const { list } = this;
    const [id, database] = [this.chosen.value, this.sessions.current?.database];
    if (!id || !database || !list) return Promise.reject(new SaveError("signed-out"));
    if (this.opening) return this.opening;
    const opening = this.closing.then(() => import("./engine")).then(({ Engine }) => Engine.open(this.host(list, id, database), database, `${this.prefix}${id}-`));
    this.opening = opening;
    opening.catch(() => this.opening === opening && (this.opening = undefined));
    return opening;
  }

  /** As when the app is closed. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.waking);
    this.channel?.close();
    await this.drafts.flush();
    await this.closeEngine();
    await this.own.detach();
    await this.shared.close();
  }

  private async wake(): Promise<void> {
    try {
      await this.room.measure();
      if (!this.session.value) return;
      const engine = await this.engine();
      engine.sync.listen();
      await engine.sync.resume();
    } catch (error) {
      // the list stays usable; saving says what is wrong
      if (error instanceof SaveError || this.gate.value !== "open") return;
      console.error(error);
      this.show({ phase: "failed", error: "phone-error" });
      this.wakeLater(); // a list that was not kept in time is empty until the database has opened
    }
  }

  private host(list: List, id: string, database: string) {
    return {
      store: this.own,
      server: this.server,
      clock: this.clock,
      list,
      session: () => (this.sessions.current?.database === database ? this.sessions.current : this.session.value),
      catalog: () => this.catalog.value,
      holds: async () => (await this.vaults()).holds(id),
      hello: (state: Record<string, unknown>) => this.hello(state),
      show: (change: SyncChange) => this.show(change),
      listed: () => this.listed(),
      tell: () => this.tell("changed"),
      lost: () => void this.destroy().catch((error: unknown) => console.error(error)),
      depart: (how: "move" | "end") => void this.depart(how).catch((error: unknown) => this.stopped || console.error(error)),
      handIn: async () => void (await (await import("./moving")).handIn(this, id, database)),
      erased: (id: string, kept: string | undefined) => this.drafts.dropNaming(id, kept),
      wrote: () => this.room.note(false),
      broke: (full: boolean) => this.reopen(full),
    };
  }

  private async hello(state: Record<string, unknown>): Promise<Session> {
    const { left, persisted } = await this.room.measure();
    const session = await this.sessions.hello({
      ...state,
      ...(left !== undefined && { storage_left: Math.round(left) }),
      ...(persisted !== undefined && { persisted }),
    });
    if (session.database === this.session.value?.database) this.session.value = session;
    void this.fetchCatalog(session);
    return session;
  }

  private async fetchCatalog(session: Session): Promise<void> {
    // without it the app goes on with the one that it has; the next round tries again
    const fresh = await this.catalogs.fetch(session.catalog).catch(() => null);
    if (fresh) this.catalog.value = fresh;
  }

  private show(change: SyncChange): void {
    if (change.phase === "idle") this.breaks = 0;
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
    const [{ List }, kept] = await Promise.all([import("./list"), this.own.get<Blob>("values", `list:${database}`)]);
    this.list = List.from(kept);
  }

  private listen(): void {
    if (typeof BroadcastChannel === "undefined") return;
    this.channel = new BroadcastChannel(this.app);
    (this.channel as { unref?: () => void }).unref?.();
    this.channel.onmessage = ({ data }) => {
      if (data === "vaults") void this.checkVault();
      else if (data === "left") void this.opening?.then((engine) => engine.sync.resume()).catch(() => undefined);
      // a refresh that fails (the database is just closing) is made up for by the next one, or at start
      else void this.opening?.then((engine) => engine.refresh()).catch(() => undefined);
    };
    if (typeof document === "undefined") return;
    const leaving = () => void (document.visibilityState === "hidden" && this.opening?.then((engine) => engine.keep()).catch(() => undefined));
    document.addEventListener("visibilitychange", leaving);
  }

  /** Another tab has made a vault, or removed one: was it ours? */
  private async checkVault(): Promise<void> {
    const id = this.chosen.value;
    if (this.gate.value === "locked" || this.gate.value === "welcome") await this.survey(this.owners.value.length > 0);
    else if (id && !(await (await this.vaults()).get(id))) await this.drop();
  }

  /** A failed write, a full disk above all, closes PouchDB for good: the next call gets a fresh one. */
  private reopen(full: boolean): void {
    void this.closeEngine();
    this.room.note(full);
    this.wakeLater();
  }

  private wakeLater(): void {
    const wait = REOPEN * 2 ** Math.min(MOST_BREAKS, this.breaks++);
    this.later(() => this.wake(), wait);
  }

  /** Tells the other tabs. */
  tell(word: "vaults" | "left" | "changed"): void {
    this.channel?.postMessage(word);
  }

  later(work: () => Promise<void>, wait: number): void {
    if (this.stopped) return;
    clearTimeout(this.waking);
    this.waking = setTimeout(() => void work().catch((error: unknown) => console.error(error)), this.patience + wait);
    (this.waking as { unref?: () => void }).unref?.();
  }

  async closeEngine(): Promise<void> {
    const opening = this.opening;
    this.opening = undefined;
    const close = async () => {
      const engine = await opening?.catch(() => undefined);
      await engine?.close().catch(() => undefined);
    };
    this.closing = this.closing.then(close);
    await this.closing;
  }
}
