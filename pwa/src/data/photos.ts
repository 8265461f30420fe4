/**
 * Photos of the team's events: sealed on this phone in a database of their own, and sent one by one after the records.
 *
 * Of each there is a small row beside it (day, caption, a thumb), written before the photo itself, so that no list reads
 * pictures and a photo that the browser threw away is missed. What waits is told by the receipts, as for records. A photo
 * that the server has stays for a week, for a server that is restored from a backup; then only its row does.
 */
import { signal } from "@preact/signals";
import { newUlid } from "./ulids";
import type { Photo } from "../documents";
import { Locked, type AppStore } from "./app-store";
import type { Clock } from "./clock";
import { localChanges, openDatabase, type Database } from "./database";
import { endHere, settled } from "./erasing";
import { clean } from "./folding";
import { judge } from "./id-numbers";
import { hold } from "./locks";
import { openLock } from "./moving";
import { learn } from "./outcomes";
import { photosOf, rowKey, rowsOf } from "./photo-rows";
import type { Picture } from "./picture";
import { Receipts } from "./receipts";
import { push, type Replica } from "./replication";
import { Rejected, Unreachable, type Server } from "./server";
import { isFull, measureStorage } from "./storage";
import { SaveError, type PhotoCounts, type Receipt, type Session } from "./types";
import type { SyncChange } from "./sync";

export type { Picture };

/** What the photos need of the phone around them. */
export interface PhotoHost {
  store: AppStore;
  server: Server;
  clock: Clock;
  session(): Session | null;
  holds(): Promise<boolean>;
  show(change: SyncChange): void;
  tell(): void;
  broke(full: boolean): void;
  /** a save has begun: whoever signs out waits for it */
  begun<T>(save: Promise<T>): Promise<T>;
  /** counts have changed */
  counted(): void;
  /** there is something to send, or the link is another one */
  soon(): void;
}

/** One photo of this phone in a list. */
export interface PhotoRow extends Kept {
  /** `lost`: the browser threw it away before it was sent */
  state: Receipt["state"] | "lost";
  receipt: Receipt;
}

interface Kept {
  id: string;
  rev?: string;
  taken: string;
  caption: string;
  /** JPEG in Base64 */
  thumb: string;
  /** the picture is no longer on this phone */
  dropped?: boolean;
}

/** A photo of the unit as the server lists it. */
export interface TeamPhoto {
  id: string;
  taken: string;
  by: string;
  who: string;
  caption: string;
}

const KEEP = 7 * 86_400_000; // ms after the server has it
const SECONDS = 900; // for one photo, which a slow link carries for minutes
const SPARE = 20_000_000; // bytes that stay free for records, whatever a photo needs
const SLOW = ["slow-2g", "2g"]; // "3g" is also what a quick link to a busy server is taken for
const GOOD = ["wifi", "ethernet"];

interface Link extends EventTarget {
  type?: string;
  saveData?: boolean;
  effectiveType?: string;
}
const link = () => (typeof navigator === "undefined" ? undefined : (navigator as { connection?: Link }).connection);

/** Whether the link is known to cost money or patience; a browser that tells nothing is taken at its best. */
export function isDear(now: Link | undefined = link()): boolean {
  if (!now) return false;
  const { type = "", saveData = false, effectiveType = "" } = now;
  return saveData || type === "cellular" || (!GOOD.includes(type) && SLOW.includes(effectiveType));
}

export class Photos {
  /** newest first */
  readonly rows = signal<PhotoRow[]>([]);
  /** also over a link that is dear */
  readonly anywhere = signal(false);
  readonly dear = signal(isDear());
  private readonly receipts: Receipts;
  private readonly local: Database;
  private readonly replica: Replica;
  private readonly stopping = new AbortController();
  private readonly changedLink = () => {
    this.dear.value = isDear();
    this.host.counted();
    if (this.waiting().length) this.host.soon();
  };

  private constructor(
    private readonly host: PhotoHost,
    readonly name: string,
    prefix: string,
    private readonly letGo: () => void,
  ) {
    const { store, server } = host;
    if (!store.cipher) throw new Locked("the vault is locked");
    this.local = openDatabase(`${prefix}${name}`, store.cipher);
    this.receipts = new Receipts(store, name);
    this.replica = { server, store, receipts: this.receipts, local: this.local, name, seconds: SECONDS, signal: this.stopping.signal };
    link()?.addEventListener?.("change", this.changedLink);
  }

  static async open(host: PhotoHost, database: string, prefix: string): Promise<Photos> {
    if (!(await host.holds())) throw new Locked("the vault is gone");
    const name = photosOf(database);
    const letGo = await hold(openLock(`${prefix}${name}`));
    try {
      const photos = new Photos(host, name, prefix, letGo);
      await photos.repair();
      return photos;
    } catch (error) {
      letGo();
      throw error;
    }
  }

  /** Whether there is room for another photo, or it gets tight, or none is left beside what records need. */
  async room(): Promise<"enough" | "little" | "none"> {
    const { left, low } = await measureStorage();
    if (left !== undefined && left < SPARE) return "none";
    return low ? "little" : "enough";
  }

  /** Resolves when the photo is on the disk. @throws SaveError */
  save(picture: Picture, caption: string, notice: Photo["notice"]): Promise<void> {
    return this.host.begun(this.write(picture, caption, notice));
  }

  /** The picture in Base64, from this phone; nothing once it was dropped. */
  async picture(id: string): Promise<string | undefined> {
    const found = await this.local.get(id).catch(() => undefined);
    return (found as unknown as Photo | undefined)?.image;
  }

  /** Takes a photo away: from the server too where that has it. @throws Rejected, Unreachable */
  async discard(id: string): Promise<void> {
    const row = this.rows.value.find((one) => one.id === id);
    if (row?.state === "accepted") await this.withdraw(id);
    await this.end(id);
    await this.host.store.delete("values", rowKey(this.name, id));
    await this.refresh();
    this.host.tell();
  }

  /** @throws Rejected, Unreachable */
  async withdraw(id: string): Promise<void> {
    try {
      await this.host.server.post(`/api/photos/${ulidOf(id)}/withdraw`, "{}");
    } catch (error) {
      if (!(error instanceof Rejected) || error.status !== 404 || error.foreign) throw error; // it is gone already
    }
  }

  /** What the unit has at the server, a page at a time. @throws Rejected, Unreachable */
  async team(begin = ""): Promise<{ photos: TeamPhoto[]; next: string | null }> {
    const { body } = await this.host.server.get<{ photos: TeamPhoto[]; next: string | null }>(`/api/photos?begin=${encodeURIComponent(begin)}`);
    if (!Array.isArray(body?.photos)) throw new Unreachable("not-the-server");
    return body;
  }

  /** One of them, in Base64. @throws Rejected, Unreachable */
  async teamPicture(id: string): Promise<string> {
    const { body } = await this.host.server.get<{ image: string }>(`/api/photos/${ulidOf(id)}`, SECONDS);
    return body.image;
  }

  async allowAnywhere(allowed: boolean): Promise<void> {
    await this.host.store.put("values", "photos-anywhere", allowed);
    this.anywhere.value = allowed;
    this.host.counted();
    if (allowed && this.waiting().length) this.host.soon();
  }

  counts(): PhotoCounts {
    const { waiting, refused } = this.receipts.counts();
    return { waiting, refused, held: this.held };
  }

  /** Photos wait for a better link, or for someone to say that this one will do. */
  get held(): boolean {
    return this.dear.value && !this.anywhere.value;
  }

  /**
   * Sends what waits, one photo in a request, after the records of the round: a cut costs one photo at most.
   *
   * @param pause asked between two photos: whether a record waits, or the app closes
   */
  async send({ generation, decided }: Session, pause: () => boolean): Promise<void> {
    await this.scan();
    await this.checkGeneration(generation);
    if (decided && this.counts().refused) await learn(this.replica, decided, true);
    for (const one of this.waiting()) {
      if (pause() || this.held) break;
      this.host.show({ phase: "push" });
      await push(this.replica, [one]);
      await this.scan();
      await this.receipts.advance();
      if (this.waiting().some(([id]) => id === one[0])) throw new Rejected(500, "server-error", "");
      await this.publish();
      this.host.tell();
    }
    await this.publish();
  }

  /** Looks again at what another tab may have written. */
  async refresh(): Promise<void> {
    await this.receipts.load((since) => localChanges(this.local, since, false));
    await this.publish();
  }

  /** Gives up the photo that is on its way: it goes again, whole. */
  stop(): void {
    this.stopping.abort();
  }

  async close(): Promise<void> {
    link()?.removeEventListener?.("change", this.changedLink);
    await this.local.close();
    this.letGo();
  }

  private waiting() {
    return this.receipts.waiting().sort(([one], [two]) => (one < two ? -1 : 1));
  }

  private scan(): Promise<void> {
    return this.receipts.scan((since) => localChanges(this.local, since, false));
  }

  /** After a crash, or when the browser has thrown the database away. */
  private async repair(): Promise<void> {
    const { store } = this.host;
    this.anywhere.value = (await store.get<boolean>("values", "photos-anywhere")) ?? false;
    const { update_seq } = await this.local.info();
    const checkpoint = (await store.get<number>("values", `checkpoint:${this.name}`)) ?? 0;
    if (Number(update_seq) < checkpoint) await store.delete("values", `checkpoint:${this.name}`);
    await this.refresh();
    const old = Date.parse(this.host.clock.now()) - KEEP;
    for (const row of this.rows.value) {
      if (row.state === "accepted" && !row.dropped && Date.parse(row.receipt.at ?? "") < old) await this.drop(row);
    }
  }

  /** The server was restored from a backup, and may lack what it had: all that is still here is offered again. */
  private async checkGeneration(generation: string): Promise<void> {
    const { store } = this.host;
    const key = `generation:${this.name}`;
    const known = await store.get<string>("values", key);
    if (known === generation) return;
    if (known !== undefined) await this.receipts.forgetAccepted((since) => localChanges(this.local, since, false));
    await store.put("values", key, generation);
    await this.publish();
  }

  private async write(picture: Picture, typed: string, notice: Photo["notice"]): Promise<void> {
    const { host, name } = this;
    const session = host.session();
    if (!session) throw new SaveError("signed-out");
    const caption = clean(typed);
    if (judge(caption) === "refuse") throw new SaveError("id-number", "caption");
    const at = host.clock.now();
    const created = { at, by: session.person.id, device: session.device };
    const kept: Kept = { id: `photo:${newUlid(Date.parse(at))}`, taken: host.clock.today(), caption, thumb: picture.thumb };
    const photo = { _id: kept.id, type: "photo", schema: 1, created, unit: session.unit.code, taken: kept.taken, caption, notice, ...picture };
    try {
      await host.store.put("values", rowKey(name, kept.id), kept);
      const { rev } = await this.local.put(photo);
      if (!(await host.holds())) throw new SaveError("signed-out");
      this.receipts.noteSaved(kept.id, rev);
      await host.store.put("values", rowKey(name, kept.id), { ...kept, rev });
    } catch (error) {
      if (error instanceof SaveError) throw error;
      await host.store.delete("values", rowKey(name, kept.id)).catch(() => undefined);
      const full = isFull(error);
      host.broke(full);
      throw new SaveError(full ? "storage-full" : "database", undefined, error);
    }
    await this.publish();
    host.tell();
    host.soon();
  }

  /** The picture goes from this phone, its row stays. */
  private async drop(row: PhotoRow): Promise<void> {
    const { state: _, receipt: __, ...kept } = row;
    await this.host.store.put("values", rowKey(this.name, row.id), { ...kept, dropped: true });
    await this.end(row.id);
  }

  private async end(id: string): Promise<void> {
    const ended = await endHere(this.replica, id);
    await this.receipts.record(ended.map(([end]) => settled(id, end, this.host.clock.now())));
    await this.scan();
  }

  private async publish(): Promise<void> {
    const kept = await this.host.store.all<Kept>("values", rowsOf(this.name));
    const here = new Set<string>();
    for await (const page of localChanges(this.local, 0, false)) for (const { id } of page) here.add(id);
    const rows = kept.flatMap((one): PhotoRow[] => {
      const receipt = one.rev === undefined ? { id: one.id, rev: "", state: this.receipts.state(one.id) } : this.receipts.of(one.id, one.rev);
      if (here.has(one.id) || receipt.at !== undefined) return [{ ...one, state: receipt.state, receipt }];
      return one.rev === undefined ? [] : [{ ...one, state: "lost", receipt }]; // without a revision it was never said to be saved
    });
    this.rows.value = rows.sort((one, two) => (one.id < two.id ? 1 : -1));
    this.host.counted();
  }
}

const ulidOf = (id: string) => id.slice("photo:".length);
