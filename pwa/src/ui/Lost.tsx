import { lazy } from "../app/lazy";
import { sync } from "../data";

const Gone = lazy(async () => (await import("../screens/reading")).Gone, undefined, null);

/** What is no longer on this phone, and why: said wherever one looks first; fetched when there is something to say. */
export function Lost() {
  const { lost, erased, moved, left } = sync.value;
  return lost || erased || moved || left ? <Gone /> : null;
}
