/** What a form becomes when it is saved, and back again. */
import { describe, expect, it } from "vitest";
import { phoneNumber } from "../src/app/digits";
import { match, to } from "../src/app/router";
import { orderAfter } from "../src/screens/HouseholdForm";
import { acts, emptyDraft, followUpDay, fromRecord, gaps, toRecord, type VisitDraft } from "../src/screens/record";

const at = "2026-05-01T02:00:00.000Z";
const today = "2026-05-01";
const bà = "resident:01HZZZZZZZZZZZZZZZZZZZZZZZ";
const draft = (part: Partial<VisitDraft> = {}): VisitDraft => ({ ...emptyDraft(at), ...part });
const helped = { person: bà, count: 1, helps: [{ service: "ihanoi", level: "installed" }] };

describe("the form of a visit", () => {
  it("starts as met, so that the common case needs no tap for it", () => {
    expect(toRecord(draft(), at, today, "")).toEqual({ at, outcome: "met" });
  });

  it("forgets the people helped when nobody was met", () => {
    expect(toRecord(draft({ outcome: "absent", helped: [helped] }), at, today, "").helps).toBeUndefined();
    expect(acts(draft({ outcome: "absent", helped: [helped] }))).toBe(0);
  });

  it("counts those not on file by their number", () => {
    const guests = { person: null, band: "60-plus" as const, count: 3, helps: [{ service: "anti-scam", level: "informed" }] };
    expect(acts(draft({ helped: [helped, guests] }))).toBe(4);
    expect(toRecord(draft({ helped: [guests] }), at, today, "").helps).toEqual([
      { service: "anti-scam", level: "informed", person: null, age_band: "60-plus", count: 3 },
    ]);
  });

  it("says what is missing: a service, a level, an age, a day", () => {
    const open = draft({
      helped: [{ person: bà, count: 1, helps: [] }, { person: null, count: 1, helps: [{ service: "vneid" }] }],
      when: "pick",
      day: "2026-04-30",
    });
    expect(gaps(open, today, false).map((gap) => gap.kind)).toEqual(["person", "band", "level", "day"]);
    expect(gaps(draft({ helped: [helped] }), today, false)).toEqual([]);
  });

  it("promises a day counted from today, and none to those who moved", () => {
    expect(followUpDay(draft({ when: "three" }), "2026-02-27")).toBe("2026-03-02");
    expect(followUpDay(draft({ when: "tomorrow", outcome: "moved" }), today)).toBe("");
    expect(toRecord(draft({ when: "week" }), at, today, "Hướng dẫn tiếp").follow_up).toEqual({ on: "2026-05-08", why: "Hướng dẫn tiếp" });
  });

  it("keeps everything of a saved record that is opened to be amended", () => {
    const record = toRecord(
      draft({
        helped: [
          { person: bà, band: undefined, count: 1, helps: [{ service: "vneid", level: "guided", referral: "police", obstacle: "face-failed", detail: "health-insurance" }] },
          { person: null, band: "16-59", count: 2, helps: [{ service: "ihanoi", level: "installed" }, { service: "cashless", level: "using" }] },
        ],
        obstacles: ["no-network"],
        when: "pick",
        day: "2026-05-03",
        why: "Chờ có SIM",
        note: "Buổi tối",
      }),
      at,
      today,
      "",
    );
    expect(toRecord(fromRecord(record, at), at, today, "")).toEqual(record);
  });
});

describe("a new door", () => {
  const list = [{ id: "a", order: 1 }, { id: "b", order: 2 }, { id: "c", order: null }];
  it("stands half way between its neighbours, else after the last", () => {
    expect(orderAfter(list, "a")).toBe(1.5);
    expect(orderAfter(list, "b")).toBe(3);
    expect(orderAfter(list, "")).toBe(3);
    expect(orderAfter([], "")).toBe(1);
  });
});

describe("telephone numbers", () => {
  it.each([
    ["0912 345 678", "0912345678"],
    ["+84 912.345.678", "0912345678"],
    ["024 3333 4444", "02433334444"],
    ["0212345678", null],
    ["12345", null],
  ])("reads %s as %s", (text, number) => expect(phoneNumber(text)).toBe(number));
});

describe("addresses of screens", () => {
  it("lead back to their own screen", () => {
    const href = to("amend", { id: "household:01A", visit: "visit:01B" }, { q: "ngõ 5" });
    expect(match(href)).toMatchObject({ name: "amend", params: { id: "household:01A", visit: "visit:01B" } });
    expect(match(href).query.get("q")).toBe("ngõ 5");
  });

  it("fall back to today's page when they are unknown", () => {
    expect(match("#/khong-co").name).toBe("today");
    expect(match("").name).toBe("today");
    expect(match("#/%E0%A4%A").name).toBe("today");
  });
});
