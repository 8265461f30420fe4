/**
 * The list that opens at once: one short row per document, from which doors and visits are shown.
 *
 * It is kept as one record beside the documents (the list blob) and can always be rebuilt from them: `seq` says up to
 * which local change of PouchDB it is complete. Pure: nothing here reads or writes a database.
 */
import { dayOf } from "./clock";
import { clean, fold, naturalKey } from "./folding";
import type { Address, AnyDocument, Door, Outcome, Range, ReceiptState, Resident, Totals, VisitLine } from "./types";

interface HouseRow {
  t: "h";
  address: Address;
  kind: "home" | "business";
  order: number | null;
  gone?: true;
}
interface PersonRow {
  t: "r";
  house: string;
  name: string;
  /** no longer here, or not to be shown */
  gone?: true;
}
interface VisitRow {
  t: "v";
  house: string | null;
  at: string;
  by: string;
  outcome: Outcome;
  acts: number;
  people: string[];
  follow?: { on: string; why: string };
  withdrawn?: true;
}
type Row = (HouseRow | PersonRow | VisitRow) & { apart?: boolean };

/** As stored: JSON text reads back several times faster than thousands of small objects. */
export interface Blob {
  version: 1;
  seq: number;
  rows: string;
  pending: [string, ReceiptState][];
}

interface Shown {
  door: Door;
  key: string;
  exact: string;
}

export class List {
  /** complete up to this local change */
  seq = 0;
  private rows = new Map<string, Row>();
  private readonly members = new Map<string, Set<string>>();
  private readonly shown = new Map<string, Shown>();
  private pending = new Map<string, ReceiptState>();
  private sorted: Shown[] = [];
  private lines: VisitLine[] = [];
  private touched = new Set<string>();

  get size(): number {
    return this.rows.size;
  }

  has(id: string): boolean {
    return this.rows.has(id);
  }

  /** Documents that waited to be sent when the list was last written. */
  get waiting(): number {
    return [...this.pending.values()].filter((state) => state === "waiting").length;
  }

  static from(blob: Blob | undefined): List {
    const list = new List();
    if (blob?.version !== 1) return list;
    list.seq = blob.seq;
    list.rows = new Map(Object.entries(JSON.parse(blob.rows) as Record<string, Row>));
    list.pending = new Map(blob.pending);
    for (const [id, row] of list.rows) {
      list.join(id, row);
      list.touched.add(id);
    }
    list.show([...list.rows].filter(([, row]) => row.t === "h").map(([id]) => id));
    return list;
  }

  clear(): void {
    this.seq = 0;
    for (const map of [this.rows, this.members, this.shown, this.pending]) map.clear();
    this.sorted = [];
    this.lines = [];
    this.touched.clear();
  }

  toBlob(): Blob {
    return { version: 1, seq: this.seq, rows: JSON.stringify(Object.fromEntries(this.rows)), pending: [...this.pending] };
  }

  /** Takes in documents as they are now; null for one that is gone. */
  apply(documents: (readonly [id: string, document: AnyDocument | null])[]): void {
    const houses = new Set<string>();
    for (const [id, document] of documents) {
      const before = this.rows.get(id);
      this.touched.add(id);
      if (before) houses.add(this.leave(id, before));
      const row: Row | null = document && rowOf(document);
      if (row) {
        if (isApart(document as AnyDocument)) row.apart = true;
        this.rows.set(id, row);
        houses.add(this.join(id, row));
      } else this.rows.delete(id);
    }
    this.show(houses);
  }

  /** Which documents wait or were refused; all others are accepted. */
  setPending(pending: Map<string, ReceiptState>): void {
    const changed = [...pending.keys(), ...this.pending.keys()].filter((id) => pending.get(id) !== this.pending.get(id));
    this.pending = pending;
    for (const id of changed) this.touched.add(id);
    this.show(new Set(changed.map((id) => this.houseOf(id, this.rows.get(id)))));
  }

  /** In walking order, then by address. */
  doors(): Door[] {
    return this.sorted.map((one) => one.door);
  }

  door(id: string): Door | undefined {
    return this.shown.get(id)?.door;
  }

  /** The ids of a household's people and visits. */
  membersOf(id: string): string[] {
    return [...(this.members.get(id) ?? [])].filter((member) => member !== id);
  }

  /** Newest first. Only what has changed since the last call is put in its place anew. */
  visits(): VisitLine[] {
    if (!this.touched.size) return this.lines;
    const touched = this.touched;
    this.touched = new Set();
    const fresh = [...touched].flatMap((id) => {
      const row = this.rows.get(id);
      return row?.t === "v" ? [this.line(id, row)] : [];
    });
    const kept = this.lines.filter((line) => !touched.has(line.id));
    const newest = (a: VisitLine, b: VisitLine) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0);
    this.lines = merge(kept, fresh.sort(newest), newest);
    return this.lines;
  }

  totals(range: Range, by: string | null): Totals {
    const people = new Set<string>();
    const sum = { doors: 0, met: 0, acts: 0 };
    for (const row of this.rows.values()) {
      if (row.t !== "v" || row.withdrawn || (by !== null && row.by !== by)) continue;
      const day = dayOf(row.at);
      if (day < range.from || day > range.to) continue;
      if (row.house) sum.doors++;
      if (row.house && row.outcome === "met") sum.met++;
      sum.acts += row.acts;
      for (const person of row.people) people.add(person);
    }
    return { ...sum, people: people.size };
  }

  /**
   * Doors that hold every typed word, best first: the words as typed with their marks, then whole words (a house
   * number), then beginnings of words, then anywhere; equals in the order of the list.
   */
  search(query: string): Door[] {
    const folded = fold(clean(query));
    const words = folded.split(/[\s,]+/).filter(Boolean);
    if (!words.length) return this.doors();
    const marked = clean(query).toLowerCase();
    const found = this.sorted.flatMap((one) => {
      const score = rank(one, words, marked !== folded ? marked : "");
      return score < 0 ? [] : [{ one, score }];
    });
    // Array.prototype.sort is stable: equals keep the order of the list
    return found.sort((a, b) => b.score - a.score).map(({ one }) => one.door);
  }

  next(id: string, before = 2, after = 3): Door[] {
    const at = this.sorted.findIndex((one) => one.door.id === id);
    if (at < 0) return [];
    const around = [...this.sorted.slice(Math.max(0, at - before), at), ...this.sorted.slice(at + 1, at + 1 + after)];
    return around.map((one) => one.door);
  }

  private join(id: string, row: Row): string {
    const house = this.houseOf(id, row);
    if (!house) return "";
    const members = this.members.get(house) ?? new Set();
    this.members.set(house, members.add(id));
    return house;
  }

  private leave(id: string, row: Row): string {
    const house = this.houseOf(id, row);
    this.members.get(house)?.delete(id);
    return house;
  }

  private houseOf(id: string, row: Row | undefined): string {
    if (!row) return "";
    return row.t === "h" ? id : (row.house ?? "");
  }

  private show(houses: Iterable<string>): void {
    let moved = false;
    for (const id of houses) {
      const before = this.shown.get(id);
      const row = this.rows.get(id);
      if (row?.t === "h" && !row.gone) {
        const shown = this.compose(id, row, before);
        moved ||= shown.key !== before?.key;
        this.shown.set(id, shown);
      } else moved = this.shown.delete(id) || moved;
    }
    if (moved) this.sorted = [...this.shown.values()].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    else this.sorted = this.sorted.map((one) => this.shown.get(one.door.id) ?? one);
  }

  private compose(id: string, row: Row & HouseRow, before?: Shown): Shown {
    const names: string[] = [];
    let state = this.pending.get(id) ?? "accepted";
    let { apart } = row;
    let last: [id: string, visit: VisitRow] | undefined;
    for (const member of this.members.get(id) ?? []) {
      const held = this.rows.get(member);
      apart ||= held?.apart;
      const its = this.pending.get(member);
      if (its && state !== "refused") state = its;
      if (held?.t === "r" && !held.gone) names.push(held.name);
      if (held?.t === "v" && !held.withdrawn && (!last || held.at > last[1].at)) last = [member, held];
    }
    const line = addressLine(row.address);
    const exact = [line, ...names].join(" · ").toLowerCase();
    const same = before?.exact === exact; // folding is the slow part
    const door: Door = {
      id,
      address: row.address,
      line,
      fold: same ? before.door.fold : fold(exact),
      kind: row.kind,
      people: names.length,
      order: row.order,
      ...(last && { last: { at: last[1].at, outcome: last[1].outcome } }),
      ...(last?.[1].follow && { followUp: { ...last[1].follow, visit: last[0] } }),
      ...(apart && { apart }),
      state,
    };
    const key = same && before.door.order === row.order ? before.key : `${orderKey(row.order)} ${naturalKey(streetFirst(row.address))}`;
    return { door, exact, key };
  }

  private line(id: string, row: Row & VisitRow): VisitLine {
    const { house, at, by, outcome, acts, apart } = row;
    const state = this.pending.get(id) ?? "accepted";
    return { id, household: house, at, by, outcome, acts, people: row.people.length, withdrawn: !!row.withdrawn, state, ...(apart && { apart }) };
  }
}

/** Two sorted lists as one. */
function merge<T>(one: T[], two: T[], compare: (a: T, b: T) => number): T[] {
  const all: T[] = [];
  let at = 0;
  for (const item of one) {
    for (let next = two[at]; next !== undefined && compare(next, item) <= 0; next = two[++at]) all.push(next);
    all.push(item);
  }
  return [...all, ...two.slice(at)];
}

function rowOf(document: AnyDocument): Row | null {
  if (document.type === "household") {
    const gone = document.gone?.value ? { gone: true as const } : {};
    return { t: "h", address: document.address.value, kind: document.kind.value, order: document.order?.value ?? null, ...gone };
  }
  if (document.type === "resident") {
    if (isRestricted(document)) return { t: "r", house: document.household, name: "", gone: true };
    const gone = document.gone?.value ? { gone: true as const } : {};
    return { t: "r", house: document.household, name: nameOf(document), ...gone };
  }
  if (document.type !== "visit") return null;
  const { at, outcome, helps = [], follow_up, withdrawn } = document.record.value;
  const people = [...new Set(helps.flatMap((help) => help.person ?? []))];
  const acts = helps.reduce((sum, help) => sum + (help.count ?? 1), 0);
  const more = { ...(follow_up && { follow: follow_up }), ...(withdrawn && { withdrawn: true as const }) };
  return { t: "v", house: document.household, at, by: document.created.by, outcome, acts, people, ...more };
}

/** Whether two people edited the same of it without seeing one another's edit, and nobody has chosen yet. */
export const isApart = (document: AnyDocument): boolean => !isRestricted(document) && !!document.history?.some((past) => past.apart);

/** Whether this resident asked the ward that their data be left alone: then nobody is shown who it is. */
export const isRestricted = (resident: object): boolean => !!(resident as Resident).restricted?.value;

/** What to call a resident: the name, which stands only beside a consent, else the label. */
export function nameOf(resident: { label: { value: string }; identity?: { value: { name?: string; consent?: unknown } } }): string {
  const { name, consent } = resident.identity?.value ?? {};
  return name && consent ? name : resident.label.value;
}

/** "Căn 1204, tòa CT1, số 12 ngõ 3, đường Yên Lộ" from whichever parts there are. */
export function addressLine({ house, lane, street, building, unit_text }: Address): string {
  const door = house && lane && /^\p{L}/u.test(lane) ? [`${house} ${lane}`] : [house, lane];
  return [unit_text, building, ...door, street].filter(Boolean).join(", ");
}

function streetFirst({ house, lane, street, building, unit_text }: Address): string {
  return [street, lane, building, house, unit_text].map((part) => part ?? "").join("\t");
}

/** A walking order as text that compares as the number does; doors without one come last. */
function orderKey(order: number | null): string {
  if (order === null) return "~";
  return (order + 1e9).toFixed(4).padStart(16, "0");
}

/** Higher is better, -1 when a word is missing. */
function rank({ door, exact }: Shown, words: string[], marked: string): number {
  let score = 0;
  for (const word of words) {
    const at = door.fold.indexOf(word);
    if (at < 0) return -1;
    score += wordScore(door.fold, word, at);
  }
  return marked && exact.includes(marked) ? score + 100 : score;
}

const LETTER = /[\p{L}\p{N}/]/u;

/** 3 for a whole word, 2 for the beginning of one, 1 for anywhere else; the best place counts. */
function wordScore(text: string, word: string, first: number): number {
  let best = 1;
  for (let at = first; at >= 0 && best < 3; at = text.indexOf(word, at + 1)) {
    if (at > 0 && LETTER.test(text[at - 1] ?? "")) continue;
    best = Math.max(best, LETTER.test(text[at + word.length] ?? "") ? 2 : 3);
  }
  return best;
}
