/**
 * Two phones, the app's own code, against a real server through a link that breaks: `run.js URL COUNT SEED PEOPLE
 * [kills]`.
 *
 * Each case records something, breaks one request of the syncs that follow, heals the link, and then every record must be on
 * the server, nothing may wait or be refused. In the end both phones and the server must hold the same. PEOPLE is JSON of two
 * logins with their passwords. A case that fails is repeated alone by `1` and the seed it printed. With `kills`,
 * no link breaks: it writes `kill-server` or `kill-store` as a line and goes on when a line comes back.
 */
import "fake-indexeddb/auto";
import { Phone } from "../src/data/phone";
import type { Fetch } from "../src/data/server";
import { createInterface } from "node:readline";
import { FAULTS, KILLS, Proxy } from "./proxy";

if (typeof navigator === "undefined") Object.defineProperty(globalThis, "navigator", { value: { userAgent: "node" } });
const [address = "", count = "300", first = "1", people = "{}", mode = ""] = process.argv.slice(2);
const target = new URL(address);
const faults = mode === "kills" ? KILLS : FAULTS;
const PIN = "271946";
let made = 0;

/** A number below `limit` after another, the same for the same seed (mulberry32). */
function dice(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** One person, on one phone after another: the server is asked for a sign-in once, which is slow by design. */
class Person {
  phone!: Phone;
  /** what was saved last of each document that this phone changed */
  readonly saved = new Map<string, string>();
  private cookie = "";
  private signedIn = "";
  private name = "";

  constructor(
    private readonly proxy: Proxy,
    private readonly login: string,
    private readonly password: string,
  ) {}

  readonly direct: Fetch = (url, init) =>
    fetch(new URL(url, target), { ...init, headers: { ...(init.headers as Record<string, string>), cookie: this.cookie } });

  private readonly fetch: Fetch = async (url, init) => {
    if (url === "/api/sign-in") {
      if (this.signedIn) return new Response(this.signedIn);
      const answer = await fetch(new URL(url, target), init);
      this.cookie = answer.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
      this.signedIn = await answer.text();
      return new Response(this.signedIn, { status: answer.status });
    }
    const headers = { ...(init.headers as Record<string, string>), cookie: this.cookie };
    return fetch(this.proxy.url + url, { ...init, headers });
  };

  async takeNewPhone(): Promise<void> {
    await this.phone?.stop();
    this.name = `chaos-${++made}`;
    this.saved.clear();
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
    this.phone = new Phone({ fetch: this.fetch, app: `app-${this.name}`, prefix: `${this.name}-`, patience: 1e9, rounds: 1 });
    await this.phone.start();
  }

  async sync(): Promise<void> {
    await (await this.phone.engine()).sync.resume();
  }

  async record(roll: (limit: number) => number): Promise<void> {
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

  /** Why not everything has arrived; nothing when it has. */
  async complaint(): Promise<string> {
    const { waiting, refused, phase, error } = this.phone.sync.value;
    if (waiting || refused || phase !== "idle") return `${waiting} wait, ${refused} refused, ${phase} ${error ?? ""}`;
    const docs = Object.fromEntries([...this.saved].map(([id, rev]) => [id, [rev]]));
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(docs) };
    const answer = await this.direct(`/sync/${this.phone.session.value?.database}/_revs_diff`, init);
    const lacking = (await answer.json()) as object;
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
    const answer = await this.direct(`/sync/${this.phone.session.value?.database}/_changes?style=all_docs`, { method: "GET" });
    const { results } = (await answer.json()) as { results: { id: string; changes: { rev: string }[] }[] };
    const split = results.filter(({ changes }) => changes.length > 1);
    const docs = split.flatMap(({ id, changes }) => changes.map(({ rev }) => ({ id, rev })));
    if (!docs.length) return [];
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ docs }) };
    const found = await this.direct(`/sync/${this.phone.session.value?.database}/_bulk_get`, init);
    const got = (await found.json()) as { results: { docs: { ok?: { _id: string; _deleted?: true } }[] }[] };
    // a branch that was merged ends in a tombstone, and is listed for ever
    const alive = got.results.flatMap(({ docs: [one] }) => (one?.ok && !one.ok._deleted ? [one.ok._id] : []));
    return alive.filter((id, at) => alive.indexOf(id) !== at);
  }
}

/** One case; what is wrong in the end, nothing when all is well. */
async function run(seed: number, proxy: Proxy, persons: Person[]): Promise<string> {
  const roll = dice(seed);
  const person = persons[roll(persons.length)] as Person;
  const fault = faults[roll(faults.length)] as string;
  if (roll(12) === 0) await person.takeNewPhone(); // whose first sync is broken
  else for (let edits = 1 + roll(3); edits > 0; edits--) await person.record(roll);
  proxy.arm(roll(4), fault, roll(100) / 100);
  for (let rounds = 1 + roll(2); rounds > 0; rounds--) await person.sync();
  if (roll(5) === 0) await person.restart();
  proxy.heal();
  let complaint = "";
  for (let tries = 0; tries < 4; tries++) {
    await person.sync();
    complaint = await person.complaint();
    if (!complaint) return "";
  }
  return `${fault}: ${complaint}`;
}

async function main(): Promise<void> {
  const proxy = new Proxy(target);
  await proxy.open();
  if (mode === "kills") {
    const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    proxy.kill = async (what) => {
      console.log(what);
      await lines.next();
    };
  }
  const persons = Object.entries(JSON.parse(people) as Record<string, string>).map(([login, password]) => new Person(proxy, login, password));
  for (const person of persons) await person.takeNewPhone();
  for (const person of persons) await person.sync();
  let [passed, failed] = [0, 0];
  // a case whose fault came to nothing does not count
  for (let seed = Number(first); passed + failed < Number(count); seed++) {
    const before = proxy.fired;
    const complaint = await run(seed, proxy, persons);
    if (complaint) console.log(`seed ${seed}: ${complaint}`);
    if (complaint) failed++;
    else if (proxy.fired > before) passed++;
  }
  const apart = await compare(persons);
  if (apart) console.log(apart);
  console.log(`${passed} passed, ${failed + (apart ? 1 : 0)} failed`);
  for (const { phone } of persons) await phone.stop();
  proxy.close();
  process.exit(failed || apart ? 1 : 0);
}

/** Both phones and the server hold the same once the server has merged. */
async function compare(persons: Person[]): Promise<string> {
  for (let tries = 0; tries < 40; tries++) {
    for (const person of persons) await person.sync();
    const [one, ...others] = await Promise.all(persons.map((person) => person.shown()));
    if (!(await persons[0]?.torn())?.length && others.every((other) => other === one)) return "";
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return difference(persons);
}

/** What is not the same, for whoever looks for the reason. */
async function difference(persons: Person[]): Promise<string> {
  const torn = (await persons[0]?.torn()) ?? [];
  const [one = "", two = ""] = await Promise.all(persons.map((person) => person.shown()));
  const parts = [one, two].map((text) => new Set((JSON.parse(text) as unknown[][]).flat().map((row) => JSON.stringify(row))));
  const only = (at: number) => [...(parts[at] ?? [])].filter((row) => !parts[1 - at]?.has(row)).slice(0, 5);
  return `in the end in conflict: ${torn.join(", ")}; only on the first phone ${only(0).join(" ")}, on the second ${only(1).join(" ")}`;
}

void main();
