/** The vaults of this phone: made, kept, left and removed, one write each. */
import type { AppStore, Stores } from "./app-store";
import { PROFILES, profilesIn, type Profile } from "./profiles";

/** Simple to tell apart and to name; each app draws them itself. */
export const PICTURES = ["sunflower", "fish", "bicycle", "star", "moon", "umbrella", "apple", "rooster", "bell", "boat", "tree", "cup"] as const;
export type Picture = (typeof PICTURES)[number];

const PAUSE = 50; // ms
const PATIENCE = 3_000;
const LETTERS = "abcdefghijklmnopqrstuvwxyz234567";

export function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => LETTERS[byte % 32]).join("");
}

export class Vaults {
  constructor(private readonly shared: AppStore) {}

  /** One tab at a time makes vaults or clears up: databases are there before the profile that they belong to. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    const locks = typeof navigator === "undefined" ? undefined : navigator.locks;
    return locks ? await locks.request(`${this.shared.name}-vaults`, work) : work();
  }

  all(): Promise<Profile[]> {
    return profilesIn(this.shared);
  }

  get(id: string): Promise<Profile | undefined> {
    return this.shared.get<Profile>("values", `vault:${id}`);
  }

  /** False when this person has one already: another tab was quicker. What `work` does is part of the same write. */
  async add(profile: Profile, work: (to: Stores) => void = () => undefined): Promise<boolean> {
    let added = false;
    await this.shared.change(["values", "receipts", "pulled", "drafts"], (to) => {
      const reading = to("values").getAll(PROFILES());
      reading.onsuccess = () => {
        added = (reading.result as Profile[]).every((one) => one.person !== profile.person);
        if (!added) return;
        to("values").put(profile, `vault:${profile.id}`);
        work(to);
      };
    });
    return added;
  }

  /** Changes a profile that is still there; one that was removed stays removed. */
  change<A>(id: string, work: (profile: Profile) => [Profile | undefined, A]): Promise<A | undefined> {
    return this.shared.update<Profile, A | undefined>("values", `vault:${id}`, (kept) => (kept ? work(kept) : [undefined, undefined]));
  }

  /** From now on no tab calls a record saved, until this is taken back. */
  async leave(id: string, leaving: boolean): Promise<void> {
    await this.change(id, ({ leaving: _, ...profile }) => [leaving ? { ...profile, leaving: true } : profile, undefined]);
  }

  /** Whether a record that was just written here will be found again; waits for a tab that is about to decide. */
  async holds(id: string): Promise<boolean> {
    for (let waited = 0; ; waited += PAUSE) {
      const profile = await this.get(id);
      if (!profile?.leaving) return profile !== undefined;
      if (waited >= PATIENCE) await this.leave(id, false); // that tab is gone; if it is not, it finds this and stays
      else await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  /** With `leaving`, only while that still stands; false otherwise. */
  async remove(id: string, leaving = false): Promise<boolean> {
    let removed = false;
    await this.shared.change(["values"], (to) => {
      const reading = to("values").get(`vault:${id}`);
      reading.onsuccess = () => {
        removed = !leaving || (reading.result as Profile | undefined)?.leaving === true;
        if (removed) for (const key of [`vault:${id}`, "joined"]) to("values").delete(key);
      };
    });
    return removed;
  }
}
