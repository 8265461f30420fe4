/** What the screens see of the data: plain values and a few functions, nothing of PouchDB. */
import type { Address, Household, Resident, Visit, VisitRecord } from "../documents";

export type { Address, Household, Resident, Visit, VisitRecord };
export type Help = NonNullable<VisitRecord["helps"]>[number];
export type Outcome = VisitRecord["outcome"];
export type AgeBand = Resident["age_band"]["value"];
export type ReceiptState = "waiting" | "accepted" | "refused";

/** The server's word for one revision of one document. */
export interface Receipt {
  id: string;
  rev: string;
  state: ReceiptState;
  /** the server's time of acceptance or refusal, ISO */
  at?: string;
  /** stable code and sentence of a refusal */
  code?: string;
  reason?: string;
}

export interface Session {
  time: string;
  person: { id: string; name: string; role: Role; login: string };
  device: string;
  ward: { code: string; name: string };
  unit: { code: string; name: string; kind: string };
  database: string;
  update_seq: string;
  catalog: string;
  generation: string;
}
export type Role = "volunteer" | "lead" | "reporter" | "supervisor" | "admin";

/** One row of the household list, held in the list blob. */
export interface Door {
  id: string;
  address: Address;
  /** address as one line, ready to show */
  line: string;
  /** folded text that the search looks in: address, labels, names */
  fold: string;
  kind: "home" | "business";
  people: number;
  order: number | null;
  last?: { at: string; outcome: Outcome };
  followUp?: { on: string; why: string; visit: string };
  /** a revision of this household, its people or visits waits to be sent or was refused */
  state: ReceiptState;
}

/** One row of "today" and of the totals, held in the same blob. */
export interface VisitLine {
  id: string;
  household: string | null;
  at: string;
  by: string;
  outcome: Outcome;
  /** acts of help (lượt) */
  acts: number;
  people: number;
  withdrawn: boolean;
  state: ReceiptState;
}

export interface Person {
  resident: Resident;
  /** what to call them on screen: the name with consent, else the label */
  name: string;
  ageBand: AgeBand;
  /** highest level reached so far by service */
  levels: Record<string, string>;
}

export interface HouseholdView {
  household: Household;
  line: string;
  people: Person[];
  /** newest first */
  visits: { visit: Visit; receipt: Receipt }[];
  /** nearest doors in walking order, before and after */
  next: Door[];
}

export interface Totals {
  doors: number;
  met: number;
  /** acts of help (lượt) */
  acts: number;
  /** distinct people helped */
  people: number;
}

export interface SyncState {
  phase: "idle" | "first" | "push" | "pull" | "offline" | "signed-out" | "failed";
  waiting: number;
  accepted: number;
  refused: number;
  /** ISO time of the last finished sync, by the server's clock */
  last?: string;
  /** documents done and to do in the first sync */
  progress?: { done: number; total: number };
  /** stable code of what went wrong; the text is in the catalogue under sync.error.<code> */
  error?: string;
  /** ISO time of the next try */
  nextTry?: string;
}

export interface StorageState {
  /** bytes still free for this site, as the browser estimates */
  left?: number;
  persisted?: boolean;
  low: boolean;
}
