/** What the ward decided about refused records: asked for when there is news, and kept in the receipts. */
import type { Replica } from "./replication";
import { Unreachable } from "./server";
import type { Receipt } from "./types";

interface Told {
  id: string;
  rev: string;
  outcome: "accepted" | "returned" | "set-aside" | "superseded";
  at: string;
  message?: string;
  /** the revision that was stored instead */
  accepted?: string;
}

/**
 * @param decided how many decisions the server has about what this person sent
 * @param final what was accepted has no successor that will be pulled
 */
export async function learn({ server, store, receipts, name }: Replica, decided: number, final = false): Promise<void> {
  const refused = receipts.refused();
  const mark = [decided, ...refused.map(({ rev }) => rev).sort()].join();
  if ((await store.get("values", `outcomes:${name}`)) === mark) return;
  const { body } = await server.get<Told[]>("/api/outcomes");
  if (!Array.isArray(body)) throw new Unreachable("not-the-server");
  await receipts.record(
    refused.flatMap((receipt): Receipt[] => {
      const told = body.find(({ id, rev }) => id === receipt.id && rev === receipt.rev);
      if (!told) return [];
      const { outcome, at, accepted, message = "" } = told;
      // the refused revision stays refused until its successor is pulled
      if (accepted && final) return [{ id: receipt.id, rev: receipt.rev, state: "accepted", at }];
      if (accepted) return [{ id: receipt.id, rev: accepted, state: "accepted", at }];
      return outcome === "returned" || outcome === "set-aside" ? [{ ...receipt, outcome: { state: outcome, at, message } }] : [];
    }),
  );
  await store.put("values", `outcomes:${name}`, mark);
}
