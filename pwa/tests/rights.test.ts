import { describe, expect, it } from "vitest";
import { mayAmend } from "../src/data/rights";
import type { Session, Visit } from "../src/data/types";

const visit = { created: { by: "person:hoa" } } as Visit;
const session = (id: string, may?: string[]) => ({ person: { id, role: "lead" }, ...(may && { may }) }) as Session;

describe("a visit is amended", () => {
  it("by its author, whatever the session tells of rights", () => {
    expect(mayAmend(session("person:hoa"), visit)).toBe(true);
    expect(mayAmend(session("person:hoa", []), visit)).toBe(true);
  });

  it("by someone else only when the server says that they amend others' visits, not by the name of a role", () => {
    expect(mayAmend(session("person:lan", ["amend-others"]), visit)).toBe(true);
    expect(mayAmend(session("person:lan", ["record-visits"]), visit)).toBe(false);
    expect(mayAmend(session("person:lan"), visit)).toBe(false);
  });

  it("by nobody who is not signed in", () => {
    expect(mayAmend(null, visit)).toBe(false);
  });
});
