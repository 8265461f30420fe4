/**
 * Three phones, the app's own code, that edit the same three documents apart: `contests.js URL COUNT SEED PEOPLE`.
 *
 * In each case the phones edit a household, a resident and a visit, choose between versions, and sync now and then, one
 * or two at a time, whole or cut; some are started anew; clocks leap by hours and days. In the end all have synced, and then every replica must be the same, no
 * document in conflict, no value that was ever saved lost, nothing refused, no name kept against its owner's will; a contest
 * must be open exactly where two edits did not see one another, which is known from what each phone held when it was edited.
 * At last someone chooses everywhere, and no contest is left. PEOPLE is JSON of three logins with their passwords, the
 * last one's the lead's. A case is repeated alone by `1` and the seed it printed, save for the server's own pace.
 */
import type { AnyDocument, Consent, Household, Resident, Visit } from "../src/data/types";
import { dice, Person } from "./person";

const [address = "", count = "10", first = "1", people = "{}"] = process.argv.slice(2);
const target = new URL(address);
const HOUR = 3_600_000;
const LEAPS = [0, -48 * HOUR, -3 * HOUR, 5 * HOUR, 30 * HOUR, 400 * 24 * HOUR];
const FIELDS = { household: ["address", "adults", "tags"], resident: ["label", "identity"], visit: ["record"] } as const;

type Roll = (limit: number) => number;
interface Register {
  value: unknown;
  at: string;
  by: string;
}

interface Edit {
  document: string;
  field: string;
  key: string;
  value: string;
  /** the values of the field that the phone held when it was edited, with who had set them */
  seen: Set<string>;
}

const text = (value: unknown): string => JSON.stringify(value, (_, part: unknown) => (part && typeof part === "object" && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort()) : part));
/** What a register says and who says so: the instants in it may be set right by the server. */
const keyOf = ({ value, by }: Register): string => `${said(value)} ${by}`;
const said = (value: unknown): string => text(value).replace(/"at":"[^"]*",?/g, "");
const registerOf = (document: AnyDocument, field: string) => (document as unknown as Record<string, Register | undefined>)[field];
const pastOf = (document: AnyDocument, field: string) => (document.history ?? []).filter((past) => past.field === field);
const heldIn = (document: AnyDocument, field: string): Register[] => [...pastOf(document, field), registerOf(document, field)].filter((one) => one !== undefined);

class Colleague {
  readonly person: Person;
  /** requests that still get through */
  private left = Infinity;
  private leap = 0;

  constructor(login: string, password: string) {
    const link = () => {
      if (this.left-- <= 0) throw new TypeError("no network here");
      return target.origin;
    };
    this.person = new Person(target, link, login, password, () => Date.now() + this.leap);
  }

  get id(): string {
    return this.person.phone.session.value?.person.id ?? "";
  }

  /** From now on there is a network only while it syncs. */
  leave(): void {
    this.left = 0;
  }

  leapTo(leap: number): void {
    this.leap = leap;
  }

  /** One round of which only so many requests get through. */
  async syncInPart(requests: number): Promise<void> {
    this.left = requests;
    await this.person.sync();
    this.left = 0;
  }

  async sync(): Promise<void> {
    this.left = Infinity;
    for (let tries = 0; tries < 5; tries++) {
      await this.person.sync();
      const { waiting, phase } = this.person.phone.sync.value;
      if (phase === "idle" && !waiting) break;
    }
    this.left = 0;
  }

  async records() {
    return (await this.person.phone.engine()).records;
  }

  async hold(id: string): Promise<AnyDocument> {
    return (await this.records()).get<AnyDocument>(id);
  }
}

/** One case on documents of its own. */
class Case {
  private readonly edits: Edit[] = [];
  private readonly ids: string[] = [];
  private made = 0;

  constructor(
    private readonly roll: Roll,
    private readonly all: Colleague[],
  ) {}

  private one(): Colleague {
    return this.all[this.roll(this.all.length)] as Colleague;
  }

  /** What is wrong in the end, nothing when all is well. */
  async run(): Promise<string[]> {
    await this.begin();
    for (let steps = 8 + this.roll(16); steps > 0; steps--) await this.step();
    const wrong = [...(await this.heal()), ...(await this.judge())];
    if (wrong.length) return wrong;
    const choices = await this.chooseEverywhere();
    wrong.push(...(await this.heal()));
    for (const { document, field, value } of choices) {
      const after = await (this.all[0] as Colleague).hold(document);
      if (said(registerOf(after, field)?.value) !== value) wrong.push(`${document}: ${field} is not the ${value} that was chosen`);
      if (after.history?.some(({ apart }) => apart)) wrong.push(`${document}: a contest is left after someone chose`);
    }
    return wrong;
  }

  private async begin(): Promise<void> {
    const [author] = this.all as [Colleague];
    const records = await author.records();
    const house = await records.household({ address: { house: "0", lane: "ngõ Ba Máy" }, adults: 0, tags: ["t0"] });
    const resident = await records.resident({ household: house._id, label: "Bà 0", age_band: "60-plus", identity: this.identity(author) });
    const visit = await records.visit({ household: house._id, record: { at: author.person.phone.clock.now(), outcome: "met" } });
    for (const document of [house, resident, visit]) {
      this.ids.push(document._id);
      for (const field of FIELDS[document.type]) this.note(document, field, new Set());
    }
    for (const one of this.all) await one.sync();
  }

  private async step(): Promise<void> {
    const kind = this.roll(10);
    if (kind === 0) return this.one().leapTo(LEAPS[this.roll(LEAPS.length)] ?? 0);
    if (kind === 1) return void (await Promise.all([this.one(), this.one()].map((one) => one.sync()))); // whatever the server has merged by then
    if (kind === 2) {
      await this.one().sync();
      return this.merged();
    }
    if (kind === 3) return this.one().syncInPart(1 + this.roll(5));
    if (kind === 4 && this.roll(3) === 0) return this.one().person.restart();
    await this.edit(this.one(), this.ids[this.roll(3)] ?? "");
  }

  private async edit(who: Colleague, id: string): Promise<void> {
    const document = await who.hold(id);
    const fields = FIELDS[document.type];
    const field = fields[this.roll(fields.length)] ?? "";
    const versions = pastOf(document, field).filter(({ apart }) => apart);
    const chosen = versions[this.roll(versions.length || 1)];
    const mine = chosen && keyOf({ ...chosen, by: who.id });
    if (chosen && this.roll(2) === 0 && !this.edits.some(({ document, key }) => document === id && key === mine)) return this.set(who, document, field, chosen.value);
    await this.set(who, document, field, this.fresh(who, document, field));
  }

  private fresh(who: Colleague, document: AnyDocument, field: string): unknown {
    const n = ++this.made;
    if (field === "identity") return this.roll(3) ? this.identity(who, (document as Resident).identity?.value.consent) : {};
    if (field === "record") return { ...(document as Visit).record.value, note: `lần ${n}`, withdrawn: this.roll(4) === 0 };
    return { address: { house: String(n), lane: "ngõ Ba Máy" }, adults: n, tags: [`t${n}`], label: `Bà ${n}` }[field];
  }

  private identity(who: Colleague, kept?: Consent) {
    const consent: Consent = kept ?? { version: "v1", at: who.person.phone.clock.now(), method: "spoken", by: who.id };
    return { name: `Trần Thị Tên${String(++this.made)}`, consent };
  }

  /** Saves one field as the screens do; nothing for someone who may not amend the visit. */
  private async set(who: Colleague, document: AnyDocument, field: string, value: unknown): Promise<void> {
    const records = await who.records();
    if (document.type === "visit" && !records.mayAmend(document)) return;
    const seen = new Set(heldIn(document, field).map(keyOf));
    const fields = { id: document._id, [field]: value };
    const after: AnyDocument =
      document.type === "household" ? await records.household(fields)
      : document.type === "resident" ? await records.resident({ ...fields, household: document.household })
      : await records.visit({ id: document._id, household: document.household, record: value as Visit["record"]["value"] });
    this.note(after, field, seen);
  }

  private note(document: AnyDocument, field: string, seen: Set<string>): void {
    const register = registerOf(document, field);
    if (register) this.edits.push({ document: document._id, field, key: keyOf(register), value: said(register.value), seen });
  }

  private async merged(): Promise<void> {
    const [anyone] = this.all as [Colleague];
    for (let tries = 0; tries < 200; tries++) {
      if (!(await anyone.person.torn()).some((id) => this.ids.includes(id))) return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** All sync until all hold the same; what differs when they never do. */
  private async heal(): Promise<string[]> {
    let apart: string[] = [];
    for (let tries = 0; tries < 6; tries++) {
      for (const one of this.all) {
        await one.sync();
        await this.merged();
      }
      apart = await this.differences();
      if (!apart.length) return [];
    }
    return apart;
  }

  private async differences(): Promise<string[]> {
    const [anyone] = this.all as [Colleague];
    const torn = (await anyone.person.torn()).filter((id) => this.ids.includes(id)).map((id) => `${id} is in conflict`);
    const found: string[] = [];
    for (const id of this.ids) {
      const held = await Promise.all([...this.all.map((one) => one.hold(id)), this.stored(id)]);
      if (new Set(held.map(text)).size > 1) found.push(`${id} differs: ${held.map((one) => (one as AnyDocument & { _rev: string })._rev).join(", ")}`);
    }
    for (const one of this.all) {
      const { waiting, refused, phase, error } = one.person.phone.sync.value;
      if (waiting || refused || phase !== "idle") found.push(`${one.id}: ${waiting} wait, ${refused} refused, ${phase} ${error ?? ""}`);
    }
    return [...torn, ...found];
  }

  private async stored(id: string): Promise<AnyDocument> {
    const [{ person }] = this.all as [Colleague];
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ docs: [{ id }] }) };
    const answer = await person.direct(`/sync/${person.phone.session.value?.database}/_bulk_get`, init);
    const { results } = (await answer.json()) as { results: { docs: { ok?: AnyDocument & { _deleted?: true } }[] }[] };
    return results[0]?.docs.map(({ ok }) => ok).find((one) => one && !one._deleted) as AnyDocument;
  }

  private async judge(): Promise<string[]> {
    const [anyone] = this.all as [Colleague];
    const documents = await Promise.all(this.ids.map((id) => anyone.hold(id)));
    const wrong = documents.flatMap((document) => [...FIELDS[document.type].flatMap((field) => (field === "identity" ? namesAgainst(document as Resident) : this.judgeField(document, field)))]);
    const open = documents.some((document) => document.history?.some(({ apart }) => apart));
    const house = documents[0] as Household;
    for (const one of this.all) {
      const door = one.person.phone.doors.value.find(({ id }) => id === house._id);
      if (!!door?.apart !== open) wrong.push(`${one.id}: the list says ${String(door?.apart)} where a contest is ${open ? "" : "not "}open`);
    }
    return wrong;
  }

  private judgeField(document: AnyDocument, field: string): string[] {
    const edits = this.edits.filter((edit) => edit.document === document._id && edit.field === field);
    const held = heldIn(document, field);
    const ranks = new Map(held.map((one) => [keyOf(one), ""]));
    for (const one of held) if (rankOf(one) > (ranks.get(keyOf(one)) ?? "")) ranks.set(keyOf(one), rankOf(one));
    const lost = edits.filter(({ key }) => !ranks.has(key)).map(({ key }) => `${document._id}: ${field} ${key} is lost`);
    const winner = keyOf(registerOf(document, field) as Register);
    const seen = new Set(edits.flatMap((edit) => [...edit.seen]));
    if (seen.has(winner)) lost.push(`${document._id}: ${field} ${winner} won over an edit that replaced it: ${text(held)}`);
    const again = (one: Edit) => edits.some(({ key, value }) => value === one.value && (ranks.get(key) ?? "") > (ranks.get(one.key) ?? ""));
    const wanted = edits.filter((one) => one.key !== winner && !seen.has(one.key) && !again(one)).map(({ key }) => key);
    const shown = pastOf(document, field).filter(({ apart }) => apart).map(keyOf);
    if (text(wanted.sort()) !== text(shown.sort())) lost.push(`${document._id}: ${field} is contested by ${text(shown)} and should be by ${text(wanted)}; won by ${winner}`);
    return lost;
  }

  /** Someone chooses one version of each open contest, as on the door's page. */
  private async chooseEverywhere(): Promise<Pick<Edit, "document" | "field" | "value">[]> {
    const choices = [];
    for (const id of this.ids) {
      const document = await this.one().hold(id);
      const who = document.type === "visit" ? (this.all.at(-1) as Colleague) : this.one(); // the lead amends every visit
      for (const field of new Set((document.history ?? []).filter(({ apart }) => apart).map((past) => past.field))) {
        const versions = [...pastOf(document, field).filter(({ apart }) => apart), registerOf(document, field) as Register];
        const { value } = versions[this.roll(versions.length)] as Register;
        await this.set(who, await who.hold(id), field, value);
        choices.push({ document: id, field, value: said(value) });
      }
    }
    return choices;
  }
}

const rankOf = ({ at, by, value }: Register): string => `${at} ${by} ${text(value)}`;

/** A name whose consent is older than a withdrawal that the document tells of, or than no consent at all. */
function namesAgainst(resident: Resident): string[] {
  const held = heldIn(resident, "identity") as (Register & { value: { name?: string; consent?: Consent } })[];
  const ends = held.filter(({ value }) => !value.consent).map(({ at }) => at);
  const bad = held.filter(({ value }) => value.name && (!value.consent || ends.some((end) => end >= (value.consent?.at ?? ""))));
  return bad.map(({ value }) => `${resident._id}: ${value.name ?? ""} is kept against a withdrawal`);
}

async function main(): Promise<void> {
  const all = Object.entries(JSON.parse(people) as Record<string, string>).map(([login, password]) => new Colleague(login, password));
  for (const { person } of all) await person.takeNewPhone();
  for (const one of all) await one.sync();
  for (const one of all) one.leave();
  let failed = 0;
  for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
    for (const one of all) one.leapTo(0);
    const wrong = await new Case(dice(seed), all).run().catch((error: unknown) => [error instanceof Error ? (error.stack ?? error.message) : String(error)]);
    for (const line of wrong) console.log(`seed ${seed}: ${line}`);
    if (wrong.length) failed++;
  }
  console.log(`${Number(count) - failed} passed, ${failed} failed`);
  for (const { person } of all) await person.phone.stop();
  process.exit(failed ? 1 : 0);
}

void main();
