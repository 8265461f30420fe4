/** What the screens see of the data: plain values and a few functions, nothing of PouchDB. */
import type { Address, Consent, Household, Identity, Resident, Visit, VisitRecord } from "../documents";

export type { Address, Consent, Household, Identity, Resident, Visit, VisitRecord };
export type AnyDocument = Household | Resident | Visit;
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
  /** what the ward decided about a refused one */
  outcome?: { state: "returned" | "set-aside"; at: string; message: string };
}

export interface Session {
  time: string;
  person: { id: string; name: string; role: Role; login: string };
  /** what the role allows; a session from before this was told has none until the next hello */
  may?: string[];
  device: string;
  ward: { code: string; name: string };
  unit: { code: string; name: string; kind: string };
  /** of the volunteer's card; a session from before there were cards has none until the next hello */
  card?: { number: string; secret: string };
  /** names of the unit's people by id */
  members?: Record<string, string>;
  /** seals what this phone hands over as a file; 32 bytes, Base64 */
  file_key?: string;
  /** stands for all of the above; the server tells them again only when they changed */
  mark?: string;
  database: string;
  update_seq: string;
  catalog: string;
  generation: string;
  /** how many decisions there are about what this person sent; told to phones that hold refused records */
  decided?: number;
}
export type Role = "volunteer" | "lead" | "reporter";

/** What the app shows: `new-pin` after a sign-in on a phone without a vault, or by someone who forgot the PIN. */
export type Gate = "starting" | "welcome" | "new-pin" | "locked" | "open";

/** Someone who has a vault on this phone, known by nothing but a picture. */
export interface Owner {
  id: string;
  picture: string;
}

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
  /** something here was edited by two people who did not see one another's edit, and nobody has chosen yet */
  apart?: boolean;
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
  /** as of a door */
  apart?: boolean;
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
  /** how many live here of whom nothing is shown: they asked the ward that their data be left alone */
  restricted: number;
  /** newest first */
  visits: { visit: Visit; receipt: Receipt; mayAmend: boolean }[];
  /** what here was edited by two people who did not see one another's edit, and nobody has chosen yet */
  apart: AnyDocument[];
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

/** How many of the waiting, and of the refused, are photos; and whether those wait for a link that costs nothing. */
export interface PhotoCounts {
  waiting: number;
  refused: number;
  held?: boolean;
}

export interface SyncState {
  phase: "idle" | "first" | "push" | "pull" | "offline" | "signed-out" | "failed";
  /** false until the counts below have been taken from the database: show "…", never 0 */
  counted: boolean;
  /** documents with a revision that the server has not answered for */
  waiting: number;
  photos?: PhotoCounts;
  /** documents of this phone that the server has acknowledged */
  accepted: number;
  /** documents whose present revision the server has refused */
  refused: number;
  /** ISO time of the last finished sync, by the server's clock */
  last?: string;
  /** documents done and to do in the first sync, bytes that have come (0: not known), seconds that it may still take */
  progress?: { done: number; total: number; bytes: number; left: number };
  /** stable code of what went wrong; the text is in the catalogue under sync.error.<code> */
  error?: string;
  /** the browser has thrown this phone's records away; so many had not been sent yet. The others come back by themselves */
  lost?: number;
  /** residents who asked to be erased, and whose records were removed from this phone before they had been sent */
  erased?: number;
  /** households that the ward has moved to another unit */
  moved?: number;
  /** the person has moved from another unit: how many of its records came for review, how many forms were given up */
  left?: { records: number; drafts: number };
  /** ISO time of the next try */
  nextTry?: string;
}

/** The app's own files, without which it does not open offline. */
export type Shell = "coming" | "kept" | "never";

export interface StorageState {
  /** bytes still free for this site, as the browser estimates */
  left?: number;
  persisted?: boolean;
  low: boolean;
  /** the last record could not be written for want of room; browsers do not always say so before */
  full?: boolean;
}

/** A text of the catalog in both languages. */
export interface Bilingual {
  vi: string;
  en: string;
}

/** A choice of the catalog: `short` fits a button. */
export interface Choice {
  key: string;
  name: Bilingual;
  short: Bilingual;
  icon?: string;
  note?: Bilingual;
}

export interface Service extends Choice {
  /** from low to high */
  levels: Choice[];
  details?: { key: string; name: Bilingual }[];
  referrals?: { key: string; name: Bilingual }[];
  help?: { name: Bilingual; value: string; kind: string };
}

export interface Guide {
  key: string;
  service: string;
  order: number;
  title: Bilingual;
  intro?: Bilingual;
  steps: { title: Bilingual; text: Bilingual }[];
  warnings?: { title: Bilingual; text: Bilingual }[];
  contacts?: { name: Bilingual; value: string; kind: string }[];
}

export interface Campaign {
  key: string;
  name: Bilingual;
  day: string;
  from: string;
  to: string;
  deadline?: string;
  themes: Bilingual[];
  slogans?: Bilingual[];
}

export interface ConsentText {
  /** goes into a document as the consent's `version` */
  key: string;
  current?: boolean;
  title: Bilingual;
  text: Bilingual;
  /** all that residents are told, under the same version; a catalog of before has none */
  notice?: { title: Bilingual; text: Bilingual }[];
}

/** The ward's content, as published in one hashed file. */
export interface Catalog {
  services: Service[];
  outcomes: Choice[];
  age_bands: Choice[];
  obstacles: Choice[];
  referrals: Choice[];
  consents: ConsentText[];
  campaigns: Campaign[];
  guides: Guide[];
  [more: string]: unknown;
}

/** Days in Vietnam's time, both included. */
export interface Range {
  from: string;
  to: string;
}

export interface VisitInput {
  /** of the visit that is amended; a new one without */
  id?: string;
  household: string | null;
  record: VisitRecord;
}

export interface HouseholdInput {
  id?: string;
  address?: Address;
  kind?: "home" | "business";
  adults?: number | null;
  tags?: string[];
  assigned_to?: string | null;
  order?: number | null;
  gone?: boolean;
}

export interface ResidentInput {
  id?: string;
  household: string;
  label?: string;
  age_band?: AgeBand;
  /** name and phone only with a consent */
  identity?: Identity;
  gone?: boolean;
}

/**
 * Why something could not be saved; the text is in the catalogue under `save.error.<code>`.
 * `storage-full`: keep the form, offer to send · `id-number`: twelve digits in a text, `field` says which ·
 * `consent-missing` · `restricted`: the resident asked the ward that nothing be changed · `not-author` · `not-found` · `changed-meanwhile`: a newer revision came in, open again ·
 * `signed-out`: nobody has ever signed in here · `database`: the browser's storage failed.
 */
export type SaveErrorCode =
  | "storage-full"
  | "id-number"
  | "consent-missing"
  | "restricted"
  | "not-author"
  | "not-found"
  | "changed-meanwhile"
  | "signed-out"
  | "database";

export class SaveError extends Error {
  constructor(
    readonly code: SaveErrorCode,
    readonly field?: string,
    cause?: unknown,
  ) {
    super(field ? `${code}: ${field}` : code, { cause });
    this.name = "SaveError";
  }
}

/**
 * `error`: a code of the server with its sentence as `reason`, or one of ours: `offline`, and `not-this-phone` when the
 * vault that was meant is another person's, or the server no longer has its key.
 */
export type SignInAnswer = { ok: true; session: Session } | { ok: false; error: string; reason: string };
/** Whom an invitation is for, as the server tells before it is spent. */
export interface Invited {
  person: string;
  name: string;
  unit: string;
  ward: string;
  /** the name of whoever invited */
  by: string;
  expires: string;
  /** whose the records on this phone are, as far as the server knows; empty on a new phone */
  phone: "" | "own" | "other" | "ended";
}
export type InvitedAnswer = { ok: true; invited: Invited } | { ok: false; error: string; reason: string };
/** Nothing is thrown away: with `waiting` records unsent, or without a network, signing out is not done. */
export type SignOutAnswer = { ok: true } | { ok: false; waiting: number; error: "waiting" | "offline" };

/** A document that the server refused, whole, with its reason. */
export interface Refused {
  receipt: Receipt;
  document: AnyDocument;
}
