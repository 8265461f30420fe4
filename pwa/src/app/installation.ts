/** The app on the home screen: whether it is there, and whether the browser offers to put it there. */
import { signal } from "@preact/signals";

/** What Chrome and its kin give us to show when we please; it is in no standard yet. */
export interface Offer extends Event {
  prompt(): Promise<void>;
  userChoice: Promise<{ outcome: "accepted" | "dismissed" }>;
}

export const offer = signal<Offer | null>(null);
export const installed = signal(isInstalled());

/** Whether the page runs as an app of its own, outside any browser's tabs. */
export function isInstalled(): boolean {
  const { standalone } = (globalThis.navigator ?? {}) as { standalone?: boolean };
  return standalone === true || globalThis.matchMedia?.("(display-mode: standalone)").matches === true;
}

/** iPhones and iPads, also those that call themselves Macs: no Mac has a screen to touch. */
export function isApple(agent = navigator.userAgent, touches = globalThis.navigator?.maxTouchPoints ?? 0): boolean {
  return /\b(iPhone|iPad|iPod)\b/.test(agent) || (/\bMacintosh\b/.test(agent) && touches > 1);
}

/**
 * Keeps the browser's offer, which comes once and early, for the page that explains it. `keep` asks for lasting storage:
 * browsers promise it to installed apps.
 */
export function watchInstallation(keep: () => unknown): void {
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offer.value = event as Offer;
  });
  addEventListener("appinstalled", () => {
    offer.value = null;
    installed.value = true;
    keep();
  });
  if (installed.value) keep();
}
