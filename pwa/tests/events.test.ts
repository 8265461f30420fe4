import { expect, test } from "vitest";
import { EventEmitter } from "../src/data/events";

test("an emitter made without its constructor, as PouchDB makes them, works", () => {
  const emitter = Object.create(EventEmitter.prototype) as EventEmitter;
  const heard: unknown[] = [];
  const listener = (value: unknown) => void heard.push(value);
  emitter.on("a", listener);
  emitter.once("a", listener);
  emitter.emit("a", 1);
  emitter.emit("a", 2);
  emitter.removeListener("a", listener);
  expect(emitter.emit("a", 3)).toBe(false);
  expect(heard).toEqual([1, 1, 2]);
});

test("its methods are found by Object.keys, where PouchDB looks for them", () => {
  expect(Object.keys(EventEmitter.prototype)).toEqual(expect.arrayContaining(["on", "once", "emit", "removeListener"]));
});
