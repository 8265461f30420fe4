import { expect, test } from "vitest";
import { addressLine, List } from "../src/data/list";
import type { Address, AnyDocument, VisitRecord } from "../src/data/types";

const by = "person:hoa";
const at = "2026-05-01T01:00:00.000Z";
const base = { schema: 1, unit: "tdp-07", created: { at, by, device: "device:01ARZ3NDEKTSV4RRFFQ69G5FAV" } };
const set = <T>(value: T) => ({ value, at, by });

function house(id: string, address: Address, order: number | null = null): [string, AnyDocument] {
  return [id, { ...base, type: "household", _id: id, address: set(address), kind: set("home"), order: set(order) }];
}
function resident(id: string, household: string, label: string): [string, AnyDocument] {
  return [id, { ...base, type: "resident", _id: id, household, label: set(label), age_band: set("16-59") }];
}
function visit(id: string, household: string | null, record: Partial<VisitRecord>, who = by): [string, AnyDocument] {
  const created = { ...base.created, by: who };
  return [id, { ...base, created, type: "visit", _id: id, household, record: set({ at, outcome: "met", ...record }) }];
}
function listOf(...documents: [string, AnyDocument][]): List {
  const list = new List();
  list.apply(documents);
  return list;
}

test("doors stand in walking order, then by street, lane and number", () => {
  const list = listOf(
    house("a", { house: "10", lane: "ngõ 2" }),
    house("b", { house: "9", lane: "ngõ 2" }),
    house("c", { house: "1", lane: "ngõ 10" }),
    house("d", { house: "99" }, 2),
    house("e", { house: "98" }, 10),
  );
  expect(list.doors().map((door) => door.id)).toEqual(["d", "e", "b", "a", "c"]);
  expect(list.next("b", 1, 1).map((door) => door.id)).toEqual(["e", "a"]);
});

test("searching ignores marks, but what is typed with its marks comes first", () => {
  const list = listOf(
    house("1", { house: "1", street: "đường Hoa" }),
    house("2", { house: "2", street: "đường Hòa" }),
    house("3", { house: "3", street: "đường Khoá" }),
  );
  expect(list.search("hòa").map((door) => door.id)).toEqual(["2", "1", "3"]);
  expect(list.search("HOA").map((door) => door.id)).toEqual(["1", "2", "3"]);
});

test("a whole house number comes before longer ones, and every word must be there", () => {
  const list = listOf(house("a", { house: "112", lane: "ngõ 5" }), house("b", { house: "12", lane: "ngõ 5" }), house("c", { house: "12", lane: "ngõ 6" }));
  expect(list.search("12 ngo 5").map((door) => door.id)).toEqual(["b", "a"]);
});

test("a door is found by the people who live there, until they are gone", () => {
  const list = listOf(house("a", { house: "1" }), resident("r", "a", "Bà Tầng"));
  expect(list.search("ba tang")).toHaveLength(1);
  list.apply([["r", null]]);
  expect(list.search("ba tang")).toHaveLength(0);
});

test("the latest visit that stands decides what a door shows", () => {
  const follow_up = { on: "2026-05-03", why: "mở lại VNeID" };
  const list = listOf(
    house("a", { house: "1" }),
    visit("v1", "a", { at: "2026-05-01T01:00:00.000Z", follow_up }),
    visit("v2", "a", { at: "2026-05-02T01:00:00.000Z", outcome: "absent", withdrawn: true }),
  );
  expect(list.door("a")).toMatchObject({ last: { outcome: "met" }, followUp: { ...follow_up, visit: "v1" } });
  list.apply([visit("v2", "a", { at: "2026-05-02T01:00:00.000Z", outcome: "absent" })]);
  expect(list.door("a")?.followUp).toBeUndefined();
});

test("totals keep acts and people apart and leave out withdrawn visits and other people's", () => {
  const help = { service: "ihanoi", level: "installed" };
  const list = listOf(
    visit("v1", "a", { helps: [{ ...help, person: "r1" }, { ...help, service: "vneid", person: "r1" }] }),
    visit("v2", "a", { outcome: "absent" }),
    visit("v3", null, { helps: [{ ...help, count: 5 }] }),
    visit("v4", "a", { helps: [{ ...help, person: "r2" }], withdrawn: true }),
    visit("v5", "a", { helps: [{ ...help, person: "r3" }] }, "person:lan"),
    visit("v6", "a", { at: "2026-05-01T17:30:00.000Z", helps: [{ ...help, person: "r1" }] }),
  );
  const day = { from: "2026-05-01", to: "2026-05-01" };
  expect(list.totals(day, by)).toEqual({ doors: 2, met: 1, acts: 7, people: 1 });
  expect(list.totals(day, null)).toEqual({ doors: 3, met: 2, acts: 8, people: 2 });
});

test("a list read back from its blob is the same list", () => {
  const list = listOf(house("a", { house: "1" }), resident("r", "a", "Bà"), visit("v", "a", {}));
  list.setPending(new Map([["v", "waiting"]]));
  list.seq = 3;
  const again = List.from(list.toBlob());
  expect([again.doors(), again.visits(), again.seq]).toEqual([list.doors(), list.visits(), 3]);
  expect(again.door("a")?.state).toBe("waiting");
});

test("a refused or waiting record marks its door, refused first", () => {
  const list = listOf(house("a", { house: "1" }), visit("v", "a", {}), visit("w", "a", {}));
  list.setPending(new Map([["v", "refused"], ["w", "waiting"]]));
  expect(list.door("a")?.state).toBe("refused");
  list.setPending(new Map());
  expect(list.door("a")?.state).toBe("accepted");
});

test("an address is one line, whichever parts it has", () => {
  expect(addressLine({ house: "12", lane: "ngõ 3", street: "đường Yên Lộ" })).toBe("12 ngõ 3, đường Yên Lộ");
  expect(addressLine({ house: "12", lane: "12/4" })).toBe("12, 12/4");
  expect(addressLine({ unit_text: "căn 1204", building: "tòa CT1" })).toBe("căn 1204, tòa CT1");
});

test("a door with an open contest says so, whichever of its records has it, until it is settled", () => {
  const [id, document] = visit("v", "a", {});
  const open = { ...document, history: [{ field: "record", value: {}, at, by, apart: true as const }] } as AnyDocument;
  const list = listOf(house("a", { house: "1" }), [id, open], visit("t", null, {}));
  expect(list.door("a")?.apart).toBe(true);
  expect(List.from(list.toBlob()).visits().map((one) => [one.id, one.apart])).toEqual([["v", true], ["t", undefined]]);
  list.apply([[id, { ...document, history: [{ field: "record", value: {}, at, by }] } as AnyDocument]]);
  expect(list.door("a")?.apart).toBeUndefined();
  const named = { ...resident("r", "a", "Bà")[1], restricted: set(true), history: [{ field: "label", value: "Cụ", at, by, apart: true as const }] };
  list.apply([["r", named as AnyDocument]]);
  expect(list.door("a")?.apart, "of someone who is shown to nobody").toBeUndefined();
});
