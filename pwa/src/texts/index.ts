/** The words of the app in the reader's language. Vietnamese is at hand, English is fetched when chosen. */
import { signal } from "@preact/signals";
import type { Bilingual } from "../data";
import { vi } from "./vi";
import type { screens } from "./vi.screens";

export type Key = keyof typeof vi | keyof typeof screens;
export type Texts = Record<Key, string>;
export type Language = "vi" | "en";

const remembered = "gtn-language";
/** Vietnamese as far as it has been fetched; no screen is drawn before its words are here. */
let vietnamese = vi as Texts;
const table = signal<Texts>(vietnamese);
export const language = signal<Language>("vi");

/** The text of a key, with `{name}` filled in. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return (table.value[key] ?? key).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The text of a key made at run time (`prefix` + a code from elsewhere), or of `fallback` when there is none. */
export function tOr(key: string, fallback: Key, values: Record<string, string | number> = {}): string {
  return t(key in table.value ? (key as Key) : fallback, values);
}

/** The words of the screens that the first paint does without; every lazy screen waits for them. */
export async function fetchTexts(): Promise<void> {
  if ("visit.title" in vietnamese) return;
  vietnamese = { ...vi, ...(await import("./vi.screens")).screens };
  if (language.value === "vi") table.value = vietnamese;
}

/** A text of the catalog in the reader's language. */
export function pick(text: Bilingual | undefined): string {
  return text ? text[language.value] || text.vi : "";
}

export async function speak(chosen: Language): Promise<void> {
  table.value = chosen === "en" ? (await import("./en")).en : vietnamese;
  language.value = chosen;
  document.documentElement.lang = chosen;
  try {
    localStorage.setItem(remembered, chosen);
  } catch {
    // a browser that forbids it forgets the choice, no more
  }
}

/** The language chosen the last time; never awaited before the first paint. */
export function recallLanguage(): void {
  try {
    if (localStorage.getItem(remembered) === "en") void speak("en");
  } catch {
    // as above
  }
}
