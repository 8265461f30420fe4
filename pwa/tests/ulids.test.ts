import { expect, test } from "vitest";
import { newUlid } from "../src/data/ulids";

test("an id begins with its time, as the specification's own example, and is of its alphabet", () => {
  const id = newUlid(1469918176385);
  expect(id.slice(0, 10)).toBe("01ARYZ6S41");
  expect(id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
});

test("ids of one moment differ, in every place behind the time", () => {
  const ids = Array.from({ length: 400 }, () => newUlid(0));
  expect(new Set(ids).size).toBe(400);
  for (let place = 10; place < 26; place++) expect(new Set(ids.map((id) => id[place])).size).toBe(32);
});

test("a later one sorts later", () => {
  const times = [0, 1, 31, 32, 1e12, 1e12 + 0.7, 1e12 + 1, 2 ** 48 - 1];
  const heads = times.map((time) => newUlid(time).slice(0, 10));
  expect(heads).toEqual([...heads].sort());
});
