/** What the signed-in person may do here: the server's table of roles decides, and tells it with the session. */
import type { Session, Visit } from "./types";

/** May this person amend or withdraw the visit: its author may, and whoever amends others' visits. */
export function mayAmend(session: Session | null, visit: Visit): boolean {
  if (!session) return false;
  return visit.created.by === session.person.id || !!session.may?.includes("amend-others");
}
