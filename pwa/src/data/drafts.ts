/** Forms half filled in: kept while they are being typed, so that a killed browser loses nothing. */
import type { AppStore } from "./app-store";

const PAUSE = 200; // ms between a change and its writing

export class Drafts {
  private readonly changed = new Map<string, unknown>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private writing: Promise<void> = Promise.resolve();
  private owner = "";

  constructor(private readonly store: AppStore) {
    if (typeof document === "undefined") return;
    const hidden = () => void (document.visibilityState === "hidden" && this.flush());
    document.addEventListener("visibilitychange", hidden);
    addEventListener("pagehide", () => void this.flush());
  }

  /** Whose vault is open: what another's full disk has left in memory is not for them. */
  belongTo(owner: string): void {
    if (owner !== this.owner) this.changed.clear();
    this.owner = owner;
  }

  save(key: string, value: unknown): void {
    this.changed.set(key, structuredClone(value));
    this.timer ??= setTimeout(() => void this.flush(), PAUSE);
  }

  async get<T>(key: string): Promise<T | undefined> {
    if (this.changed.has(key)) return structuredClone(this.changed.get(key)) as T;
    await this.writing;
    return this.store.get<T>("drafts", key);
  }

  async drop(key: string): Promise<void> {
    this.changed.delete(key);
    await this.writing;
    await this.store.delete("drafts", key);
  }

  /** Drops every form that names this record, or makes it name the one as which that goes on. */
  async dropNaming(id: string, kept: string | undefined): Promise<void> {
    await this.flush();
    for (const key of (await this.store.keys("drafts")) as string[]) {
      const said = JSON.stringify([key, await this.get(key)]);
      if (!said.includes(id)) continue;
      const [name, value] = JSON.parse(said.replaceAll(id, kept ?? "")) as [string, unknown];
      if (kept) await this.store.put("drafts", name, value);
      if (!kept || name !== key) await this.drop(key);
    }
  }

  /** Gives up every form; answers how many there were. */
  async dropAll(): Promise<number> {
    await this.flush();
    const keys = await this.store.keys("drafts");
    for (const key of keys) await this.drop(String(key));
    return keys.length;
  }

  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const batch = [...this.changed];
    this.changed.clear();
    if (!batch.length) return this.writing;
    const write = () => this.store.putAll(batch.map(([key, value]) => ["drafts", key, value]));
    this.writing = this.writing.then(write).catch(() => {
      // a full disk: what is typed stays in memory, a later change tries again
      for (const [key, value] of batch) if (!this.changed.has(key)) this.changed.set(key, value);
    });
    return this.writing;
  }
}
