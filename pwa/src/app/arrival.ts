/** A new phone: what must come before it works without a network, shown until someone has read that it is here. */
import { effect, signal } from "@preact/signals";
import { doors, gate, session, sync } from "../data";

export const arriving = signal(false);

/** Nothing has ever been fetched to its end: an empty list would be mistaken for an empty book. */
export function isFirstSync(): boolean {
  const { phase, last } = sync.value;
  return phase === "first" || (last === undefined && doors.value.length === 0 && phase !== "signed-out");
}

effect(() => {
  const { last, phase } = sync.value;
  if (gate.value !== "open" || !session.value || phase === "signed-out") arriving.value = false;
  else if (last === undefined && isFirstSync()) arriving.value = true;
});
