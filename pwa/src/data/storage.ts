/** How much room the browser leaves us, and whether it has promised not to clear it. */
import { signal } from "@preact/signals";
import type { StorageState } from "./types";

const LOW = 50_000_000; // bytes

export async function measureStorage(): Promise<StorageState> {
  const manager = typeof navigator === "undefined" ? undefined : navigator.storage;
  if (!manager?.estimate) return { low: false };
  const [{ quota, usage }, persisted] = await Promise.all([manager.estimate(), manager.persisted?.() ?? false]);
  if (quota === undefined) return { persisted, low: false };
  const left = Math.max(0, quota - (usage ?? 0));
  return { left, persisted, low: left < LOW };
}

export class Room {
  readonly state = signal<StorageState>({ low: false });
  private full = false;

  async measure(): Promise<StorageState> {
    const measured = await measureStorage();
    this.state.value = this.full ? { ...measured, low: true, full: true } : measured;
    return this.state.value;
  }

  /** Whether the last record found room: a browser may tell of gigabytes until a write fails. */
  note(full: boolean): void {
    if (this.full === full) return;
    this.full = full;
    void this.measure();
  }
}

/** Asks the browser to keep our data when it needs room; it may decline. */
export async function askToPersist(): Promise<void> {
  if (typeof navigator === "undefined" || !navigator.storage?.persist) return;
  if (!(await navigator.storage.persisted())) await navigator.storage.persist();
}

/** Whether an error, however PouchDB wrapped it, says that the disk is full. */
export function isFull(error: unknown): boolean {
  if (typeof error === "string") return /quota|disk full/i.test(error);
  if (error === null || typeof error !== "object") return false;
  const { name, message, reason } = error as { name?: unknown; message?: unknown; reason?: unknown };
  return [name, message, reason].some((part) => part !== error && isFull(part));
}
