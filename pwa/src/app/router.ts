/** Where the reader is: one signal made from the address after `#`, so that the back button always works. */
import { computed, signal } from "@preact/signals";

const patterns = {
  today: "/",
  households: "/ho",
  newHousehold: "/ho/moi",
  household: "/ho/:id",
  editHousehold: "/ho/:id/sua",
  newPerson: "/ho/:id/nguoi",
  editPerson: "/ho/:id/nguoi/:person",
  visit: "/ho/:id/ghi",
  amend: "/ho/:id/luot/:visit",
  saved: "/ho/:id/xong/:visit",
  tally: "/tai-ban",
  tallySaved: "/tai-ban/xong/:visit",
  amendTally: "/tai-ban/:visit",
  guides: "/huong-dan",
  guide: "/huong-dan/:guide",
  install: "/cai-dat",
  sync: "/gui",
  refused: "/gui/tu-choi",
  card: "/the",
  notice: "/thong-bao",
  photos: "/anh",
  code: "/moi",
  join: "/moi/:code",
} as const;

export type Name = keyof typeof patterns;
export type Params = Record<string, string>;
export interface Route {
  name: Name;
  params: Params;
  query: URLSearchParams;
}

/** The route of an address such as `#/ho/household:01…?q=12`; an unknown one is today's page. */
export function match(hash: string): Route {
  const [path = "/", query = ""] = hash.replace(/^#/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decode);
  for (const [name, pattern] of Object.entries(patterns)) {
    const params = fit(pattern.split("/").filter(Boolean), parts);
    if (params) return { name: name as Name, params, query: new URLSearchParams(query) };
  }
  return { name: "today", params: {}, query: new URLSearchParams() };
}

/** An address that someone has typed wrong is shown as it is, not as an error. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function fit(pattern: string[], parts: string[]): Params | null {
  if (pattern.length !== parts.length) return null;
  const params: Params = {};
  for (const [index, piece] of pattern.entries()) {
    const part = parts[index] ?? "";
    if (piece.startsWith(":")) params[piece.slice(1)] = part;
    else if (piece !== part) return null;
  }
  return params;
}

/** The address of a route, for `href`. */
export function to(name: Name, params: Params = {}, query: Params = {}): string {
  const path = patterns[name].replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(params[key] ?? ""));
  const search = new URLSearchParams(query).toString();
  return `#${path}${search ? `?${search}` : ""}`;
}

const address = signal("");
export const route = computed(() => match(address.value));

/** How far down each place in the history was read, so that "back" returns to the same row. */
const depths = new Map<number, number>();
let place = 0;
let highest = 0;
/** Set when the last move was "back" or "forward": the depth to return to. */
export let returning: number | null = null;

export function watchAddress(): void {
  address.value = location.hash;
  if ("scrollRestoration" in history) history.scrollRestoration = "manual";
  place = highest = (history.state as { place?: number } | null)?.place ?? 0;
  history.replaceState({ place }, "");
  addEventListener("hashchange", arrive);
  addEventListener("scroll", () => depths.set(place, scrollY), { passive: true });
}

function arrive(): void {
  const known = (history.state as { place?: number } | null)?.place;
  if (known === undefined) {
    place = ++highest;
    history.replaceState({ place }, "");
    returning = null;
  } else {
    place = known;
    returning = depths.get(place) ?? 0;
  }
  address.value = location.hash;
}

/** Goes to a route; `replace` leaves no trace of the present one, so that "back" skips a finished form. */
export function go(href: string, { replace = false } = {}): void {
  if (!replace) {
    location.hash = href;
    return;
  }
  history.replaceState({ place }, "", href);
  returning = null;
  address.value = location.hash;
}

/** One step back, or to `fallback` when the app was opened here. */
export function back(fallback: string): void {
  if (place > 0) history.back();
  else go(fallback, { replace: true });
}
