/** What is loaded after the first paint: PouchDB, the receipts, and the sync of one unit's database. */
import { Locked, type AppStore } from "./app-store";
import type { Clock } from "./clock";
import { localChanges, openDatabase, type Database, type Stored } from "./database";
import { movedOf, noteOf } from "./erasing";
import { isApart, isRestricted, nameOf, type List } from "./list";
import { hold } from "./locks";
import { countRows } from "./photo-rows";
import type { PhotoHost, Photos } from "./photos";
import { Receipts } from "./receipts";
import { Records } from "./records";
import { forgetLeft, openLock, readLeft } from "./moving";
import { withHistory, type Outgoing } from "./replication";
import type { Server } from "./server";
import type { Written } from "./snapshot";
import { Sync, type SyncChange } from "./sync";
import type { AnyDocument, Catalog, HouseholdView, Person, PhotoCounts, Refused, Resident, Session, Visit } from "./types";

/** What the engine needs of the phone around it. */
export interface Host {
  store: AppStore;
  server: Server;
  clock: Clock;
  list: List;
  session(): Session | null;
  catalog(): Catalog | null;
  hello(state: Record<string, unknown>): Promise<Session>;
  show(change: SyncChange): void;
  /** whether the vault of these records is still on this phone */
  holds(): Promise<boolean>;
  /** the list has changed */
  listed(): void;
  /** other tabs should look again */
  tell(): void;
  /** residents were erased: what is half written about them goes too */
  erased(id: string, kept: string | undefined): Promise<void>;
  /** a record was written */
  wrote(): void;
  /** the server says that this phone was reported lost */
  lost(): void;
  /** this person belongs to another unit now, or to none any more */
  depart(how: "move" | "end"): void;
  /** hands in what waits for units that they have left */
  handIn(): Promise<void>;
  /** PouchDB has closed itself after a failed write */
  broke(full: boolean): void;
}

const KEEP = 1_500; // ms between a change of the list and its writing; a hidden page writes at once

export class Engine {
  readonly records: Records;
  readonly sync: Sync;
  private readonly local: Database;
  private readonly receipts: Receipts;
  private photos: Promise<Photos> | undefined;
  private opened: Photos | undefined;
  /** photos of which there are rows, while they cannot be opened */
  private unopened = 0;
  private keeping: ReturnType<typeof setTimeout> | undefined;
  private catching: Promise<void> = Promise.resolve();
  /** the first sync runs: what it writes is taken in as it comes (`took`) */
  private first = false;

  private constructor(
    private readonly host: Host,
    private readonly name: string,
    private readonly prefix: string,
    private readonly letGo: () => void,
  ) {
    if (!host.store.cipher) throw new Locked("the vault is locked");
    this.local = openDatabase(`${prefix}${name}`, host.store.cipher);
    this.receipts = new Receipts(host.store, name);
    this.records = new Records(this.local, () => host.session(), host.clock, (...saved) => this.afterSave(...saved), host.broke, host.holds);
    this.sync = new Sync({
      replica: { server: host.server, store: host.store, receipts: this.receipts, local: this.local, name, pace: { bytes: 512_000 } },
      hello: (state) => host.hello(state),
      now: () => host.clock.now(),
      show: (change) => {
        if (change.phase) this.first = change.phase === "first";
        host.show(change);
      },
      broke: host.broke,
      lost: () => host.lost(),
      depart: (how) => host.depart(how),
      handIn: async () => {
        await host.handIn();
        await this.showNotes();
      },
      took: (written) => this.took(written),
      photos: {
        counts: () => this.photoCounts(),
        send: async (session, pause) => this.unopened || this.opened ? (await this.tryPhotos())?.send(session, pause) : undefined,
      },
      changed: async () => {
        await this.catchUp();
        host.tell();
      },
    });
  }

  /** Opens the database and repairs what a crash may have left behind: then the counts are true. */
  static async open(host: Host, name: string, prefix: string): Promise<Engine> {
    // another tab may have removed them: PouchDB would make the database anew, for no one
    if (!(await host.holds())) throw new Locked("the vault is gone");
    const letGo = await hold(openLock(`${prefix}${name}`));
    try {
      const engine = new Engine(host, name, prefix, letGo);
      await engine.repair();
      return engine;
    } catch (error) {
      letGo();
      throw error;
    }
  }

  private async repair(): Promise<void> {
    const { host, name } = this;
    const { update_seq } = await this.local.info();
    const checkpoint = (await host.store.get<number>("values", `checkpoint:${name}`)) ?? 0;
    if (Number(update_seq) < Math.max(checkpoint, host.list.seq)) await this.startOver();
    if (Number(update_seq) === 0) await host.store.delete("values", `pull:${name}`); // nothing here: nothing was pulled
    this.unopened = await countRows(host.store, name);
    if (this.unopened) await this.tryPhotos();
    await this.refresh();
  }

  /** Looks again at everything that another tab may have written. */
  async refresh(): Promise<void> {
    await this.receipts.load((since) => localChanges(this.local, since, false));
    await this.opened?.refresh();
    await this.catchUp();
    await this.showNotes();
  }

  /** The team's photos, opened when first asked for. */
  openPhotos(): Promise<Photos> {
    const opening = (this.photos ??= import("./photos").then(({ Photos }) => Photos.open(this.photoHost(), this.name, this.prefix)));
    opening.then(
      (photos) => {
        this.opened = photos;
        this.unopened = 0;
      },
      () => this.photos === opening && (this.photos = undefined),
    );
    return opening;
  }

  /** None when they cannot be opened now: records do not wait for them, and they go on being counted. */
  private tryPhotos(): Promise<Photos | void> {
    return this.openPhotos().catch((error: unknown) => console.error(error));
  }

  private photoHost(): PhotoHost {
    return {
      ...this.host,
      session: () => this.host.session(),
      begun: (save) => this.records.begun(save),
      counted: () => this.opened && this.show(false),
      soon: () => void this.sync.hurry(),
    };
  }

  private photoCounts(): PhotoCounts {
    return this.opened?.counts() ?? { waiting: this.unopened, refused: 0 };
  }

  /** Someone has read that residents were erased, or that they have moved. */
  async noteSeen(): Promise<void> {
    for (const note of [noteOf, movedOf]) await this.host.store.delete("values", note(this.name));
    await forgetLeft(this.host.store);
    await this.showNotes();
    this.host.tell();
  }

  async openHousehold(id: string): Promise<HouseholdView> {
    await this.catching;
    const household = await this.records.get<AnyDocument & { type: "household" }>(id);
    const keys = this.host.list.membersOf(id);
    const documents = await this.local.all(keys);
    const visits = documents.filter((one): one is Visit & Stored => one.type === "visit");
    const residents = documents.filter((one): one is Resident & Stored => one.type === "resident" && !one.gone?.value);
    const people = residents.filter((one) => !isRestricted(one));
    visits.sort((a, b) => (a.record.value.at < b.record.value.at ? 1 : -1));
    return {
      household,
      line: this.host.list.door(id)?.line ?? "",
      people: people.map((resident) => this.person(resident, visits)),
      restricted: residents.length - people.length,
      visits: visits.map((visit) => ({
        visit,
        receipt: this.receipts.of(visit._id, visit._rev),
        mayAmend: this.records.mayAmend(visit),
      })),
      apart: [household, ...documents].filter(isApart),
      next: this.host.list.next(id),
    };
  }

  async refusedList(): Promise<Refused[]> {
    const receipts = this.receipts.refused();
    const found = await Promise.all(
      receipts.map(async (receipt): Promise<Refused[]> => {
        try {
          return [{ receipt, document: await this.local.get(receipt.id, { rev: receipt.rev }) }];
        } catch {
          return []; // corrected in the meantime
        }
      }),
    );
    return found.flat();
  }

  /** All that waits, with its history, as it would be sent. */
  async waitingDocuments(): Promise<Outgoing[]> {
    const found = await withHistory(this.local, this.receipts.waiting());
    return found.filter((one) => !one._deleted);
  }

  /** Of records and photos together. */
  counts(): { waiting: number; accepted: number; refused: number } {
    const [records, photos] = [this.receipts.counts(), this.photoCounts()];
    return { ...records, waiting: records.waiting + photos.waiting, refused: records.refused + photos.refused };
  }

  /** Writes the list now, for a page that may be gone in a moment. */
  async keep(): Promise<void> {
    clearTimeout(this.keeping);
    this.keeping = undefined;
    if (!this.first) await this.catchUp(false);
    await this.writeList();
  }

  async close(): Promise<void> {
    this.opened?.stop(); // else a lock would wait for a slow link
    await this.sync.stop();
    clearTimeout(this.keeping);
    await this.catching.catch(() => undefined); // it may be what broke: the database is to be closed all the same
    await (await this.photos?.catch(() => undefined))?.close();
    await this.local.close();
    this.letGo();
  }

  private afterSave(document: Stored, replaces: string | undefined): void {
    this.receipts.noteSaved(document._id, document._rev, replaces);
    this.host.list.apply([[document._id, document]]);
    this.host.list.setPending(this.receipts.pending());
    this.show(true);
    this.host.wrote();
    this.host.tell();
    this.sync.soon();
  }

  /** Brings the list up to PouchDB's last change; one at a time. */
  private catchUp(keepSoon = true): Promise<void> {
    const work = async () => {
      const { list } = this.host;
      let erased = false;
      for await (const page of localChanges(this.local, list.seq, true)) {
        const moved: string[] = [];
        for (const { id, document, kept } of page) {
          if (document) continue;
          erased = true;
          if (kept || id.startsWith("resident:")) await this.host.erased(id, kept);
          else if (list.door(id)) moved.push(id);
        }
        if (moved.length) await this.noteMoved(moved);
        list.apply(page.map((row) => [row.id, row.document]));
        list.seq = page.at(-1)?.seq ?? list.seq;
      }
      list.setPending(this.receipts.pending());
      this.show(keepSoon);
      if (!erased) return;
      await this.writeList(); // no name may stay in the kept one until the next change
      await this.showNotes();
    };
    this.catching = this.catching.catch(() => undefined).then(work);
    return this.catching;
  }

  private noteMoved(ids: string[]): Promise<void> {
    return this.host.store.update<string[], void>("values", movedOf(this.name), (before = []) => [[...new Set([...before, ...ids])], undefined]);
  }

  private async writeList(): Promise<void> {
    await this.host.store.put("values", `list:${this.name}`, this.host.list.toBlob()).catch(() => undefined); // it can be rebuilt
  }

  private async showNotes(): Promise<void> {
    const { store } = this.host;
    const moved = (await store.get<string[]>("values", movedOf(this.name)))?.length;
    this.host.show({ erased: await store.get<number>("values", noteOf(this.name)), moved, left: await readLeft(store) });
  }

  /** The list and the receipts learn what was pulled without reading it back from the disk. */
  private async took({ documents, from, to }: Written): Promise<boolean> {
    await this.catching;
    const { list } = this.host;
    const gone = documents.some((one) => "_deleted" in one && list.has(one._id)); // more is done about that than here
    if (gone || to - from !== documents.length || list.seq !== from || !this.receipts.pass(from, to)) return false;
    const taken = new Map<string, Stored>();
    const torn = new Set<string>(); // of several revisions PouchDB knows the winner
    for (const one of documents) if (taken.has(one._id) || list.has(one._id)) torn.add(one._id);
    else taken.set(one._id, one);
    const winners = torn.size ? await this.local.all([...torn]) : [];
    for (const id of torn) taken.delete(id);
    for (const one of winners) taken.set(one._id, one);
    const lost = [...torn].filter((id) => !taken.has(id)).map((id) => [id, null] as const);
    list.apply([...[...taken].map(([id, one]) => [id, "_deleted" in one ? null : one] as const), ...lost]);
    list.seq = to;
    this.show(false);
    return true;
  }

  private show(keepSoon: boolean): void {
    this.host.listed();
    this.host.show({ counted: true, ...this.counts(), photos: this.photoCounts() });
    if (!keepSoon) return;
    this.keeping ??= setTimeout(() => void this.keep().catch(() => undefined), KEEP);
    (this.keeping as { unref?: () => void }).unref?.();
  }

  /** The browser has thrown PouchDB's data away: everything accepted comes back by a pull from zero. */
  private async startOver(): Promise<void> {
    const { store, list } = this.host;
    this.host.show({ lost: list.waiting });
    await store.change(["values"], (to) => {
      for (const kind of ["checkpoint", "pull", "list"]) to("values").delete(`${kind}:${this.name}`);
    });
    list.clear();
  }

  private person(resident: Resident, visits: Visit[]): Person {
    const levels: Record<string, string> = {};
    for (const { record } of visits) {
      if (record.value.withdrawn) continue;
      for (const { person, service, level } of record.value.helps ?? []) {
        if (person === resident._id && this.rank(service, level) >= this.rank(service, levels[service])) levels[service] = level;
      }
    }
    return { resident, name: nameOf(resident), ageBand: resident.age_band.value, levels };
  }

  private rank(service: string, level: string | undefined): number {
    const known = this.host.catalog()?.services.find((one) => one.key === service);
    return known?.levels.findIndex((one) => one.key === level) ?? -1;
  }
}

