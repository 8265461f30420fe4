/** One person on the phones of a chaos run, with the app's own code, before a real server. */
import "fake-indexeddb/auto";
import { Phone } from "../src/data/phone";
import type { Fetch } from "../src/data/server";

if (typeof navigator === "undefined") Object.defineProperty(globalThis, "navigator", { value: { userAgent: "node" } });
const PIN = "271946";
/** 16 × 16 grey pixels, the least that the server takes for a photo. */
const GREY =
  "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQH/xAAUAAABAAAAAAAAAAAAAAAAAAAA/8QAFBAAAQAAAAAAAAAAAAAAAAAAAP/AAAsIABAAEAEBEQD/2gAIAQEAAD8AEv8A/9A0/9k=";
let made = 0;

/** A number below `limit` after another, the same for the same seed (mulberry32). */
export function dice(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** One person, on one phone after another: the server is asked for a sign-in once, which is slow by design. */
export class Person {
  phone!: Phone;
  /** what was saved last of each document that this phone changed */
  readonly saved = new Map<string, string>();
  private readonly taken = new Set<string>();
  private readonly arrived = new Set<string>();
  private cookie = "";
  private signedIn = "";
  private name = "";

  /** @param link where the phone's requests go; `target` is the server itself */
  constructor(
    private readonly target: URL,
    private readonly link: () => string,
    readonly login: string,
    private readonly password: string,
    private readonly clock: () => number = Date.now,
  ) {}

  readonly direct: Fetch = (url, init) =>
    fetch(new URL(url, this.target), { ...init, headers: { ...(init.headers as Record<string, string>), cookie: this.cookie } });

  private readonly fetch: Fetch = async (url, init) => {
    if (url === "/api/sign-in") {
      if (this.signedIn) return new Response(this.signedIn);
      const answer = await fetch(new URL(url, this.target), init);
      this.cookie = answer.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
      this.signedIn = await answer.text();
      return new Response(this.signedIn, { status: answer.status });
    }
    const headers = { ...(init.headers as Record<string, string>), cookie: this.cookie };
    return fetch(this.link() + url, { ...init, headers });
  };

  async takeNewPhone(): Promise<void> {
    await this.phone?.stop();
    this.name = `chaos-${++made}`;
    this.saved.clear();
    this.taken.clear();
    await this.start();
    const answer = await this.phone.signIn(this.login, this.password);
    if (!answer.ok) throw new Error(`${this.login}: ${answer.error} ${answer.reason}`);
    await this.phone.choosePin(PIN);
  }

  async restart(): Promise<void> {
    await this.phone.stop();
    await this.start();
    await this.phone.unlock(PIN);
  }

  private async start(): Promise<void> {
    this.phone = new Phone({ fetch: this.fetch, app: `app-${this.name}`, prefix: `${this.name}-`, patience: 1e9, rounds: 1, clock: this.clock });
    await this.phone.start();
  }

  async sync(): Promise<void> {
    await (await this.phone.engine()).sync.resume();
  }

  async record(roll: (limit: number) => number): Promise<void> {
    if (roll(6) === 0) return this.photograph();
    const { records } = await this.phone.engine();
    const doors = this.phone.doors.value;
    const door = doors[roll(doors.length || 1)];
    const visit = [...this.saved.keys()].find((id) => id.startsWith("visit:"));
    const record = { at: this.phone.clock.now(), outcome: "met" as const, note: `lần ${made} ${roll(1e6)}` };
    const kind = roll(4);
    const document =
      kind === 0 ? await records.household({ address: { house: String(roll(999)), street: "Phố Gió" } })
      : kind === 1 && door ? await records.household({ id: door.id, tags: [`t${roll(99)}`] })
      : kind === 2 && visit ? await records.visit({ id: visit, household: null, record })
      : await records.visit({ household: door?.id ?? null, record });
    this.saved.set(document._id, (document as unknown as { _rev: string })._rev);
  }

  private async photograph(): Promise<void> {
    const photos = await (await this.phone.engine()).openPhotos();
    const notice = { version: "2026-11", at: this.phone.clock.now() };
    await photos.save({ width: 16, height: 16, image: GREY, thumb: GREY }, `ảnh ${made}`, notice);
    for (const { id } of photos.rows.value) if (!this.arrived.has(id)) this.taken.add(id);
  }

  /** Photos that the server cannot show. */
  private async lackingPhotos(): Promise<string[]> {
    for (const id of this.taken) {
      const answer = await this.direct(`/api/photos/${id.slice("photo:".length)}`, { method: "GET" });
      if (answer.ok) this.arrived.add(id);
    }
    for (const id of this.arrived) this.taken.delete(id);
    return [...this.taken];
  }

  /** Why not everything has arrived; nothing when it has. */
  async complaint(): Promise<string> {
    const { waiting, refused, phase, error } = this.phone.sync.value;
    if (waiting || refused || phase !== "idle") return `${waiting} wait, ${refused} refused, ${phase} ${error ?? ""}`;
    const docs = Object.fromEntries([...this.saved].map(([id, rev]) => [id, [rev]]));
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(docs) };
    const answer = await this.direct(`/sync/${this.phone.session.value?.database}/_revs_diff`, init);
    const lacking = (await answer.json()) as object;
    const photos = await this.lackingPhotos();
    if (photos.length) return `the server lacks ${photos.join()}`;
    return Object.keys(lacking).length || !answer.ok ? `the server lacks ${JSON.stringify(lacking)}` : "";
  }

  async shown(): Promise<string> {
    const engine = await this.phone.engine();
    const households = await Promise.all(this.phone.doors.value.map(({ id }) => engine.records.get(id)));
    const lines = this.phone.visitLines.value.map(({ id, at, outcome, withdrawn }) => [id, at, outcome, withdrawn]);
    return JSON.stringify([households.map(({ _id, _rev }) => [_id, _rev]).sort(), lines.sort()]);
  }

  /** Documents that the server has not merged yet. */
  async torn(): Promise<string[]> {
    const answer = await this.direct(`/sync/${this.phone.session.value?.database}/_changes?style=all_docs`, { method: "GET" }).catch(() => undefined);
    if (!answer?.ok) return [`the server answers ${answer?.status}`]; // it, or its store, is just starting again
    const { results } = (await answer.json()) as { results: { id: string; changes: { rev: string }[] }[] };
    const split = results.filter(({ changes }) => changes.length > 1);
    const docs = split.flatMap(({ id, changes }) => changes.map(({ rev }) => ({ id, rev })));
    if (!docs.length) return [];
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ docs }) };
    const found = await this.direct(`/sync/${this.phone.session.value?.database}/_bulk_get`, init).catch(() => undefined);
    if (!found?.ok) return [`the server answers ${found?.status}`];
    const got = (await found.json()) as { results: { docs: { ok?: { _id: string; _deleted?: true } }[] }[] };
    // a branch that was merged ends in a tombstone, and is listed for ever
    const alive = got.results.flatMap(({ docs: [one] }) => (one?.ok && !one.ok._deleted ? [one.ok._id] : []));
    return alive.filter((id, at) => alive.indexOf(id) !== at);
  }
}
