/**
 * What the screens may use: signals that are always safe to read, and functions.
 *
 * `start()` reads what the last use left behind and never awaits the network. PouchDB and the sync engine are loaded
 * after the first paint; a function that needs them waits for them by itself.
 */
import { signal, type Signal } from "@preact/signals";
import type {
  Catalog,
  Door,
  Household,
  HouseholdInput,
  HouseholdView,
  Range,
  Refused,
  Resident,
  ResidentInput,
  Session,
  SignInAnswer,
  SignOutAnswer,
  StorageState,
  SyncState,
  Totals,
  Visit,
  VisitInput,
  VisitLine,
} from "./types";

export * from "./types";

export const session: Signal<Session | null> = signal(null);
export const catalog: Signal<Catalog | null> = signal(null);
/** in walking order */
export const doors: Signal<Door[]> = signal([]);
/** newest first, of the whole unit */
export const visitLines: Signal<VisitLine[]> = signal([]);
export const sync: Signal<SyncState> = signal({ phase: "idle", counted: false, waiting: 0, accepted: 0, refused: 0 });
export const storage: Signal<StorageState> = signal({ low: false });
/** session, catalog and list have been read: before this, show nothing rather than "sign in" */
export const ready: Signal<boolean> = signal(false);
/** a new version of the app waits; `applyUpdate()` when no form is open */
export const updateReady: Signal<boolean> = signal(false);

declare function missing(): never;

export const start = async (): Promise<void> => missing();
export const signIn = async (_login: string, _password: string): Promise<SignInAnswer> => missing();
export const signOut = async (): Promise<SignOutAnswer> => missing();
/** Doors for a few typed words, best first; all of them for none. */
export const search = (_query: string): Door[] => missing();
/** The nearest doors in walking order: up to two before, three after. */
export const nextDoors = (_householdId: string): Door[] => missing();
/** @throws SaveError `not-found` */
export const openHousehold = async (_id: string): Promise<HouseholdView> => missing();
/** Resolves when the visit is on the disk. @throws SaveError */
export const saveVisit = async (_input: VisitInput): Promise<Visit> => missing();
export const openVisit = async (_id: string): Promise<Visit> => missing();
/** May the signed-in person amend or withdraw it: its author and the lead. */
export const mayAmend = (_visit: Visit): boolean => missing();
export const withdrawVisit = async (_id: string): Promise<Visit> => missing();
/** Only the fields given are set. @throws SaveError */
export const saveHousehold = async (_input: HouseholdInput): Promise<Household> => missing();
/** Only the fields given are set. @throws SaveError */
export const saveResident = async (_input: ResidentInput): Promise<Resident> => missing();
/** Of one person (by default the one signed in; null: of the unit), withdrawn visits left out. */
export const totals = (_range: Range, _by?: string | null): Totals => missing();
/** Doors where a promise to come back falls due on this day or before, the longest overdue first. */
export const followUps = (_today: string): Door[] => missing();
export const refusedList = async (): Promise<Refused[]> => missing();
export const syncNow = async (): Promise<void> => missing();
/** Kept within 300 ms, and at once when the page is hidden. */
export const saveDraft = (_key: string, _value: unknown): void => missing();
export const draft = async <T>(_key: string): Promise<T | undefined> => missing();
export const dropDraft = async (_key: string): Promise<void> => missing();
/** Now by the server's clock, as an instant for documents. */
export const now = (): string => missing();
/** Today in Vietnam by the server's clock, yyyy-mm-dd. */
export const today = (): string => missing();
/** The day in Vietnam of an instant. */
export const dayOf = (_instant: string): string => missing();
/** An address as one line. */
export const addressLine = (_address: import("./types").Address): string => missing();
export const applyUpdate = (): void => missing();
