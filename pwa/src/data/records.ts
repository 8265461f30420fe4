/** Documents made and changed on this phone: what a form holds becomes a document that is on the disk when we say so. */
import { newUlid } from "./ulids";
import type { Clock } from "./clock";
import type { Database, Stored } from "./database";
import { cleanAll } from "./folding";
import { mayAmend } from "./rights";
import { checkDocument } from "./rules";
import { isFull } from "./storage";
import { SaveError, type HouseholdInput, type ResidentInput, type Session, type VisitInput } from "./types";
import type { AnyDocument, Household, Identity, Resident, Visit } from "./types";

const SCHEMA = 1;
const TRIES = 3; // a pull may bring a newer revision between our read and our write

export interface Register<T> {
  value: T;
  at: string;
  by: string;
}

type Fields = Record<string, Register<unknown>>;

export class Records {
  private readonly unfinished = new Set<Promise<unknown>>();

  constructor(
    private readonly local: Database,
    private readonly session: () => Session | null,
    private readonly clock: Clock,
    /** called with each document that is durably written, before the save resolves */
    private readonly saved: (document: Stored, replaces: string | undefined) => void,
    /** the database could not write: PouchDB has closed itself and has to be opened anew */
    private readonly broke: (full: boolean) => void,
    /** whether what was just written will be found again: another tab may be signing out */
    private readonly holds: () => Promise<boolean>,
  ) {}

  visit(input: VisitInput): Promise<Visit> {
    return this.begun(this.saveVisit(input));
  }

  withdraw(id: string): Promise<Visit> {
    return this.begun(this.markWithdrawn(id));
  }

  household(input: HouseholdInput): Promise<Household> {
    return this.begun(this.saveHousehold(input));
  }

  resident(input: ResidentInput): Promise<Resident> {
    return this.begun(this.saveResident(input));
  }

  /** Whether a save has begun and not ended. */
  get saving(): boolean {
    return this.unfinished.size > 0;
  }

  /** Resolves when all saves that have begun until now have ended, well or not. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.unfinished]);
  }

  mayAmend(visit: Visit): boolean {
    return mayAmend(this.session(), visit);
  }

  /** @throws SaveError `not-found` */
  async get<T extends AnyDocument>(id: string): Promise<T & Stored> {
    try {
      return (await this.local.get(id)) as unknown as T & Stored;
    } catch (error) {
      if ((error as { status?: number }).status === 404) throw new SaveError("not-found", id, error);
      throw new SaveError("database", undefined, error);
    }
  }

  /** Whoever signs out or locks waits for this save. */
  begun<T>(save: Promise<T>): Promise<T> {
    const ended = save.finally(() => this.unfinished.delete(ended));
    this.unfinished.add(ended);
    return ended;
  }

  private async saveVisit({ id, household, record }: VisitInput): Promise<Visit> {
    if (id === undefined) return this.write<Visit>({ ...this.begin("visit"), household, record: this.register(record) });
    return this.amend<Visit>(id, (visit) => {
      this.checkAuthor(visit);
      return { ...this.edited(visit, { record }), household: visit.household ?? household };
    });
  }

  private markWithdrawn(id: string): Promise<Visit> {
    return this.amend<Visit>(id, (visit) => {
      this.checkAuthor(visit);
      return this.edited(visit, { record: { ...visit.record.value, withdrawn: true } });
    });
  }

  private async saveHousehold({ id, ...fields }: HouseholdInput): Promise<Household> {
    if (id !== undefined) return this.amend<Household>(id, (household) => this.edited(household, changed(fields, household)));
    const fresh = { kind: this.register("home"), address: this.register({}), ...this.begin("household") };
    return this.write<Household>({ ...fresh, ...this.registers(fields) } as unknown as Household);
  }

  private async saveResident({ id, household, ...fields }: ResidentInput): Promise<Resident> {
    if (id !== undefined) return this.amend<Resident>(id, (resident) => withoutPastNames(this.edited(resident, changed(fields, resident))));
    const fresh = { label: this.register(""), age_band: this.register("16-59"), ...this.begin("resident"), household };
    return this.write<Resident>({ ...fresh, ...this.registers(fields) } as unknown as Resident);
  }

  private begin<T extends AnyDocument["type"]>(type: T) {
    const { unit, person, device } = this.who();
    const created = { at: this.clock.now(), by: person.id, device, clock: this.clock.raw() };
    return { type, _id: `${type}:${newUlid(this.clock.millis())}`, schema: SCHEMA, created, unit: unit.code };
  }

  private who(): Session {
    const session = this.session();
    if (!session) throw new SaveError("signed-out");
    return session;
  }

  private register<T>(value: T, before?: { at: string }): Register<T> {
    return { value, at: this.clock.after(before?.at), by: this.who().person.id };
  }

  private registers(fields: object): Fields {
    const given = Object.entries(fields).filter(([, value]) => value !== undefined);
    return Object.fromEntries(given.map(([name, value]) => [name, this.register<unknown>(value)]));
  }

  /** With other values: what they replace was seen, so it goes to the history, and contests about it are over. As in sync/merge.py. */
  private edited<T extends AnyDocument>(before: T, fields: object): T {
    const held = before as unknown as Fields;
    const history = (before.history ?? []).map(({ apart, ...past }) => (apart && !(past.field in fields) ? { ...past, apart } : past));
    const edits: Fields = {};
    for (const [field, value] of Object.entries(fields) as [string, unknown][]) {
      const past = history.filter((entry) => entry.field === field);
      const replaced = held[field];
      if (replaced) past.push({ field, value: replaced.value, at: replaced.at, by: replaced.by });
      const [latest] = past.sort((a, b) => (a.at < b.at ? 1 : -1));
      edits[field] = newlyAgreed(this.register(value, latest), replaced);
      if (replaced) history.push({ field, value: replaced.value, at: replaced.at, by: replaced.by });
    }
    return { ...before, ...edits, ...(history.length ? { history } : {}) };
  }

  private checkAuthor(visit: Visit): void {
    if (!this.mayAmend(visit)) throw new SaveError("not-author");
  }

  private async amend<T extends AnyDocument>(id: string, change: (before: T) => T): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.write<T>(change(await this.get<T>(id)));
      } catch (error) {
        if (!(error instanceof SaveError) || error.code !== "changed-meanwhile" || tries === TRIES) throw error;
      }
    }
  }

  private async write<T extends AnyDocument>(draft: T): Promise<T> {
    const document = cleanAll(draft);
    checkDocument(document);
    try {
      const { rev } = await this.local.put(document);
      if (!(await this.holds())) throw new SaveError("signed-out");
      const stored = { ...document, _rev: rev } as unknown as Stored;
      this.saved(stored, document._rev);
      return stored as unknown as T;
    } catch (error) {
      if (error instanceof SaveError) throw error;
      if ((error as { status?: number }).status === 409) throw new SaveError("changed-meanwhile", undefined, error);
      const full = isFull(error);
      this.broke(full);
      throw new SaveError(full ? "storage-full" : "database", undefined, error);
    }
  }
}

/** Of the fields given those that say something else than before, or end a contest: the others are nobody's edit. */
function changed(fields: object, before: AnyDocument): object {
  const held = before as unknown as Fields;
  const given = Object.entries(cleanAll(fields)) as [string, unknown][];
  const contested = (name: string) => before.history?.some(({ field, apart }) => apart && field === name);
  return Object.fromEntries(given.filter(([name, value]) => contested(name) || !isSame(value, held[name]?.value)));
}

function isSame(one: unknown, two: unknown): boolean {
  if (typeof one !== "object" || typeof two !== "object" || !one || !two) return one === two;
  const [left, right] = [one, two] as [Record<string, unknown>, Record<string, unknown>];
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => isSame(left[name], right[name]));
}

/** A consent after one that was ended is later than its end, whatever a clock says: else the name would go again. */
function newlyAgreed(register: Register<unknown>, before: Register<unknown> | undefined): Register<unknown> {
  const [now, old] = [register.value, before?.value] as [Identity | null, Identity | null | undefined];
  if (!now?.consent || !before || old?.consent || now.consent.at > before.at) return register;
  return { ...register, value: { ...now, consent: { ...now.consent, at: register.at } } };
}

/** No name outlives the agreement to keep it, not even in the history that the server's merging left: as in sync/merge.py. */
function withoutPastNames(resident: Resident): Resident {
  const { history, ...rest } = resident;
  if (!history || !resident.identity || resident.identity.value.consent) return resident;
  const kept = history.filter(({ field }) => field !== "identity");
  return kept.length ? { ...rest, history: kept } : rest;
}
