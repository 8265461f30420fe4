/** The words of the app in the reader's language. Vietnamese is at hand, English is fetched when chosen. */
import { signal } from "@preact/signals";
import type { Bilingual } from "../data";
import { vi } from "./vi";
import type { joining } from "./vi.joining";
import type { list } from "./vi.list";
import type { lock } from "./vi.lock";
import type { screens } from "./vi.screens";
import type { signIn } from "./vi.sign-in";
import type { today } from "./vi.today";

export type Key = keyof typeof vi | keyof typeof signIn | keyof typeof today | keyof typeof joining | keyof typeof list | keyof typeof lock | keyof typeof screens;
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

/** Words that the first paint does without: of the screens that the app opens on, and of the others. */
const parts = {
  "sign-in": async () => (await import("./vi.sign-in")).signIn,
  list: async () => (await import("./vi.list")).list,
  lock: async () => (await import("./vi.lock")).lock,
  joining: async () => (await import("./vi.joining")).joining,
  today: async () => (await import("./vi.today")).today,
  screens: async () => (await import("./vi.screens")).screens,
};
export type Part = keyof typeof parts;
const every = Object.keys(parts) as Part[];

/** Every lazy screen waits for its words: all of them, or only the parts that it needs. */
export async function fetchTexts(wanted: Part[] = every): Promise<void> {
  // fetched again at no cost: the browser keeps modules
  const words = await Promise.all(wanted.map((part) => parts[part]()));
  vietnamese = Object.assign({}, vietnamese, ...words) as Texts;
  if (language.value === "vi") table.value = vietnamese;
}

/** A text of the catalog in the reader's language. */
export function pick(text: Bilingual | undefined): string {
  return text ? text[language.value] || text.vi : "";
}

/** False, and nothing changed, when English is not on the phone yet and cannot be fetched. */
export async function speak(chosen: Language): Promise<boolean> {
  try {
    table.value = chosen === "en" ? await fetchEnglish() : vietnamese;
  } catch {
    return false;
  }
  language.value = chosen;
  document.documentElement.lang = chosen;
  try {
    localStorage.setItem(remembered, chosen);
  } catch {
    // a browser that forbids it forgets the choice, no more
  }
  return true;
}

async function fetchEnglish(): Promise<Texts> {
  const { en } = await import("./en");
  void navigator.serviceWorker?.ready.then(({ active }) => active?.postMessage("keep-english"));
  return en;
}

/** The language chosen the last time; never awaited before the first paint. */
export function recallLanguage(): void {
  try {
    if (localStorage.getItem(remembered) === "en") void speak("en");
  } catch {
    // as above
  }
}
