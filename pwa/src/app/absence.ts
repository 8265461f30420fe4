/** Locks the app that has been out of sight for a while; never under an open form, which its draft would outlive but no one expects. */
import { signal } from "@preact/signals";
import { lock } from "../data";
import { openForms } from "./forms";

export const CHOICES = [5, 15, 30, 60];
const remembered = "gtn-lock-after";

export const lockAfter = signal(30);

export function setLockAfter(minutes: number): void {
  lockAfter.value = minutes;
  try {
    localStorage.setItem(remembered, String(minutes));
  } catch {
    // a browser that forbids it forgets the choice, no more
  }
}

export function watchAbsence(): void {
  try {
    const kept = Number(localStorage.getItem(remembered));
    if (CHOICES.includes(kept)) lockAfter.value = kept;
  } catch {
    // as above
  }
  let left: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const lockIfAway = () => {
    if (left !== undefined && Date.now() - left >= lockAfter.value * 60_000 && openForms.value === 0) void lock();
  };
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.visibilityState === "hidden") {
      left = Date.now();
      timer = setTimeout(lockIfAway, lockAfter.value * 60_000);
    } else {
      lockIfAway(); // a phone that slept has run no timer
      left = undefined;
    }
  });
}
