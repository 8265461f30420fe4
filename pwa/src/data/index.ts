/**
 * What the screens may use: signals that are always safe to read, and functions.
 *
 * `start()` reads what the last use left behind and never awaits the network. PouchDB and the sync engine are loaded
 * after the first paint; a function that needs them waits for them by itself.
 */
import { signal, type Signal } from "@preact/signals";
import { dayOf } from "./clock";
import { judge } from "./id-numbers";
import type { HandedOver } from "./handing-over";
import { addressLine } from "./list";
import { Phone } from "./phone";
import type { Photos } from "./photos";
import * as rights from "./rights";
import type { Catalog, Door, Gate, HouseholdInput, HouseholdView, InvitedAnswer, Owner, Range, Refused, ResidentInput, Session } from "./types";
import type { Household, Resident, Shell, SignInAnswer, SignOutAnswer, StorageState, SyncState, Totals } from "./types";
import type { Visit, VisitInput, VisitLine } from "./types";
import { askToPersist } from "./storage";
import { weakness, type Unlocked } from "./vault";
import { PICTURES } from "./vaults";

export * from "./types";
export type { HandedOver };
export { addressLine, dayOf, judge as judgeIdNumber, PICTURES, weakness };

const phone = new Phone();

export const session: Signal<Session | null> = phone.session;
export const catalog: Signal<Catalog | null> = phone.catalog;
/** in walking order */
export const doors: Signal<Door[]> = phone.doors;
/** newest first, of the whole unit */
export const visitLines: Signal<VisitLine[]> = phone.visitLines;
export const sync: Signal<SyncState> = phone.sync;
export const storage: Signal<StorageState> = phone.room.state;
/** what stands between the one who holds the phone and the records */
export const gate: Signal<Gate> = phone.gate;
/** whose vaults are on this phone, and which of them is meant; none while someone new comes in */
export const owners: Signal<Owner[]> = phone.owners;
export const chosen: Signal<string | undefined> = phone.chosen;
/** a new version of the app waits; `applyUpdate()` when no form is open */
export const updateReady: Signal<boolean> = signal(false);

/** whether the app's own files are kept for offline use */
export const shell: Signal<Shell> = signal<Shell>("coming");

export async function start(): Promise<void> {
  await phone.start();
  const { watchUpdates } = await import("./updates");
  void watchUpdates(updateReady, shell).catch(() => (shell.value = "never")); // the app works, only not offline
}

export const signIn = (login: string, password: string): Promise<SignInAnswer> => phone.signIn(login, password);
/** Whom an invitation is for; it can still be used afterwards. */
export const look = (code: string): Promise<InvitedAnswer> => phone.look(code);
/** Comes in by an invitation, for the person that `look` told of. */
export const join = (code: string, person: string): Promise<SignInAnswer> => phone.join(code, person);
/** With a wrong PIN: ms to wait before the next try. */
export const unlock = (pin: string): Promise<Unlocked> => phone.unlock(pin);
/** ms before a PIN may be typed, and whether it is made of digits */
export async function lockState(): Promise<{ wait: number; digits: boolean }> {
  const vault = await phone.vault();
  return { wait: await vault.wait(), digits: (await vault.profile())?.digits ?? true };
}
/** Whose vault is to be opened; none for someone new. */
export const choose = (id: string | undefined): void => phone.choose(id);
export const choosePicture = (picture: string): Promise<void> => phone.choosePicture(picture);
export const choosePin = (pin: string, picture?: string): Promise<void> => phone.choosePin(pin, picture);
/** Whether this is the present PIN, asked for before it is changed; a wrong one counts as at the lock. */
export const checkPin = (pin: string): Promise<Unlocked> => phone.vault().then((vault) => vault.unlock(pin));
export const lock = (): Promise<void> => phone.lock();
export const signOut = (): Promise<SignOutAnswer> => phone.signOut();

/** Doors for a few typed words, best first; all of them for none. */
export const search = (query: string): Door[] => phone.list?.search(query) ?? [];
/** The nearest doors in walking order: up to two before, three after. */
export const nextDoors = (householdId: string): Door[] => phone.list?.next(householdId) ?? [];

/** @throws SaveError `not-found` */
export async function openHousehold(id: string): Promise<HouseholdView> {
  return (await phone.engine()).openHousehold(id);
}

/** @throws SaveError `not-found` */
export async function openVisit(id: string): Promise<Visit> {
  return (await phone.engine()).records.get<Visit>(id);
}

/** Resolves when the visit is on the disk. With an `id`, amends it. @throws SaveError */
export async function saveVisit(input: VisitInput): Promise<Visit> {
  const start = performance.now();
  const saved = await (await phone.engine()).records.visit(input);
  performance.measure("save-visit", { start }); // read by `make bench BENCH=phone`
  return saved;
}

/** The visit stays, marked as withdrawn, and counts nowhere. @throws SaveError */
export async function withdrawVisit(id: string): Promise<Visit> {
  return (await phone.engine()).records.withdraw(id);
}

/** May the signed-in person amend or withdraw it. */
export function mayAmend(visit: Visit): boolean {
  return rights.mayAmend(session.value, visit);
}

/** Only the fields given are set. @throws SaveError */
export async function saveHousehold(input: HouseholdInput): Promise<Household> {
  return (await phone.engine()).records.household(input);
}

/** Only the fields given are set. @throws SaveError */
export async function saveResident(input: ResidentInput): Promise<Resident> {
  return (await phone.engine()).records.resident(input);
}

/** Of one person (by default the one signed in; null: of the unit), withdrawn visits left out. */
export function totals(range: Range, by: string | null = session.value?.person.id ?? null): Totals {
  void visitLines.value; // whoever shows totals shows them anew when a visit changes
  return phone.list?.totals(range, by) ?? { doors: 0, met: 0, acts: 0, people: 0 };
}

/** Doors where a promise to come back falls due on this day or before, the longest overdue first. */
export function followUps(today: string): Door[] {
  const due = (door: Door) => door.followUp?.on ?? "";
  const found = doors.value.filter((door) => door.followUp && door.followUp.on <= today);
  return found.sort((a, b) => (due(a) < due(b) ? -1 : due(a) > due(b) ? 1 : 0));
}

/** Documents that the server refused, whole, each with its reason. */
export async function refusedList(): Promise<Refused[]> {
  return (await phone.engine()).refusedList();
}

/** Someone has read how many residents were erased, or that they have moved: `sync` says it no more. */
export async function noteSeen(): Promise<void> {
  await (await phone.engine()).noteSeen();
}

/** Nobody is moved to another unit's list while this is so: a form is open. */
export const stayWhile = (busy: () => boolean): void => void (phone.busy = busy);

/** The team's photos, loaded when first asked for. */
export const openPhotos = (): Promise<Photos> => phone.engine().then((engine) => engine.openPhotos());

/** Resolves when the round is over; how it went is in `sync`. */
export async function syncNow(): Promise<void> {
  await (await phone.engine()).sync.resume();
}

/** What waits, as a file to be carried to the ward; none before this phone was told the key for it. */
export async function makeWaitingFile(): Promise<HandedOver | undefined> {
  const [{ makeFile }, engine] = await Promise.all([import("./handing-over"), phone.engine()]);
  return makeFile({ session: session.value, clock: phone.clock, engine });
}

/** Asks the browser not to clear our data by itself; what it answers is in `storage`. */
export async function askToKeep(): Promise<void> {
  await askToPersist();
  await phone.room.measure();
}

/** Kept within 300 ms, and at once when the page is hidden. */
export const saveDraft = (key: string, value: unknown): void => phone.drafts.save(key, value);
export const draft = <T>(key: string): Promise<T | undefined> => phone.drafts.get<T>(key);
export const dropDraft = (key: string): Promise<void> => phone.drafts.drop(key);

/** Now by the server's clock, as an instant for documents. */
export const now = (): string => phone.clock.now();
/** Today in Vietnam by the server's clock, yyyy-mm-dd. */
export const today = (): string => phone.clock.today();

/** The six digits that a card of this secret shows on a day; rejected where the browser has no WebCrypto. */
export const cardCode = (secret: string, day: string): Promise<string> => import("./card").then(({ codeOf }) => codeOf(secret, day));

/** Switches to the new version and loads the page anew. */
export const applyUpdate = (): Promise<void> => import("./updates").then(({ applyUpdate }) => applyUpdate());
