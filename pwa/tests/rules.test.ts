import { expect, test } from "vitest";
import cardCodes from "../../tests/cases/card-codes.json";
import folding from "../../tests/cases/folding.json";
import idNumbers from "../../tests/cases/id-numbers.json";
import { codeOf } from "../src/data/card";
import { dayOf } from "../src/data/clock";
import { clean, cleanAll, fold, naturalKey } from "../src/data/folding";
import { judge } from "../src/data/id-numbers";
import { checkDocument } from "../src/data/rules";
import type { Resident } from "../src/data/types";

const at = "2026-05-01T01:00:00.000Z";
const by = "person:hoa";
const set = <T>(value: T) => ({ value, at, by });
const device = "device:01ARZ3NDEKTSV4RRFFQ69G5FAV";
const resident: Resident = {
  type: "resident",
  _id: "resident:01ARZ3NDEKTSV4RRFFQ69G5FAV",
  schema: 1,
  unit: "tdp-07",
  household: "household:001203004567RRFFQ69G5FAV12",
  created: { at, by, device },
  label: set("Bà, tầng 2"),
  age_band: set("60-plus"),
};
const consent = { version: "2026-11", at, method: "spoken", by } as const;

test.each(folding)("$text is searched as $folded", ({ text, folded }) => {
  expect(fold(text)).toBe(folded);
});

test.each(idNumbers)("an identity number in “$text”: $verdict", ({ text, verdict }) => {
  expect(judge(text)).toBe(verdict);
});

test.each(cardCodes)("the card's code on $day is $code", async ({ secret, day, code }) => {
  expect(await codeOf(secret, day)).toBe(code);
});

test("twelve digits in an id are no identity number, in a label they are", () => {
  checkDocument(resident);
  expect(() => checkDocument({ ...resident, label: set("Bà 001203004567") })).toThrow("id-number: label");
});

test("a name or a phone number stands only beside a consent", () => {
  checkDocument({ ...resident, identity: set({}) });
  checkDocument({ ...resident, identity: set({ name: "Nguyễn Thị Hoa", consent }) });
  expect(() => checkDocument({ ...resident, identity: set({ name: "Nguyễn Thị Hoa" }) })).toThrow("consent-missing");
  expect(() => checkDocument({ ...resident, identity: set({ phone: "0912345678" }) })).toThrow("consent-missing");
});

test("the name of someone under 16 needs the representative's consent", () => {
  const child: Resident = { ...resident, age_band: set("under-16") };
  expect(() => checkDocument({ ...child, identity: set({ name: "An", consent }) })).toThrow("consent-missing");
  checkDocument({ ...child, identity: set({ name: "An", consent: { ...consent, method: "representative" } }) });
});

test("text is stored in NFC, without what cannot be seen, and without empty fields", () => {
  expect(clean(" Nghi\u0303a\u200b \t\u2067 Yên\u2069 ")).toBe("Nghĩa Yên");
  expect(cleanAll({ note: "a\r\nb ", list: ["Nghi\u0303a"], gone: undefined, none: null })).toEqual({
    note: "a\nb",
    list: ["Nghĩa"],
    none: null,
  });
});

test("numbers are ordered by value", () => {
  const sorted = ["ngõ 10", "ngõ 2", "Ngõ 2B", "ngõ 02A"].sort((a, b) => (naturalKey(a) < naturalKey(b) ? -1 : 1));
  expect(sorted).toEqual(["ngõ 2", "ngõ 02A", "Ngõ 2B", "ngõ 10"]);
});

test("the day is Vietnam's", () => {
  expect(dayOf("2026-05-19T17:01:00.000Z")).toBe("2026-05-20");
  expect(dayOf("2026-05-19T16:59:59.999Z")).toBe("2026-05-19");
});

test("half an emoji, cut off by a limit of length, is left out: the server could not read it", () => {
  expect(clean("tốt \ud83d", true)).toBe("tốt");
  expect(clean("\ude00tốt")).toBe("tốt");
  expect(clean("tốt 😀")).toBe("tốt 😀");
});
