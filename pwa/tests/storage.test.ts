import { afterEach, expect, test, vi } from "vitest";
import { AppStore } from "../src/data/app-store";
import { Cipher } from "../src/data/cipher";
import { Database, openDatabase } from "../src/data/database";
import { Drafts } from "../src/data/drafts";
import { makeDurable } from "../src/data/durability";
import { Phone } from "../src/data/phone";
import { isFull } from "../src/data/storage";
import { FakeServer } from "./fake-server";
import { PIN, TestPhone } from "./phones";

afterEach(() => vi.restoreAllMocks());

/** As a browser does when the disk is full: the transaction that writes a document is aborted. */
function fillDisk(): void {
  const put = IDBObjectStore.prototype.put;
  vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (this: IDBObjectStore, ...values) {
    const request = put.apply(this, values);
    const transaction = this.transaction as unknown as { _abort(name: string): void };
    if (this.name === "by-sequence") transaction._abort("QuotaExceededError");
    return request;
  });
}

test("a full disk is told apart, nothing is counted, and saving works again once there is room", async () => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  const phone = await new TestPhone(new FakeServer()).signedIn();
  fillDisk();
  await expect(phone.save()).rejects.toMatchObject({ code: "storage-full" });
  expect(phone.counts).toEqual({ waiting: 0, accepted: 0, refused: 0 });
  vi.restoreAllMocks();
  await phone.save();
  expect(phone.counts).toEqual({ waiting: 1, accepted: 0, refused: 0 });
  await phone.phone.stop();
});

test("a database that did not open at once is opened again, and the list comes back", async () => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  const server = new FakeServer();
  const phone = await new TestPhone(server).signedIn();
  await phone.household({ house: "12" });
  await phone.sync();
  await phone.phone.stop(); // at once: the list has not been written
  const again = new Phone({ fetch: server.fetchFor(phone.person), app: `app-${phone.name}`, prefix: `${phone.name}-`, patience: 1, rounds: 1 });
  const engine = vi.spyOn(again, "engine").mockRejectedValueOnce(new Error("not now"));
  await again.start();
  await again.unlock(PIN);
  expect(again.doors.value).toHaveLength(0);
  await vi.waitFor(() => expect(again.doors.value).toHaveLength(1), { timeout: 5_000, interval: 50 });
  expect(engine).toHaveBeenCalledTimes(2);
  await again.stop();
});

test("a database that the browser closed while the list was read from it is opened anew", async () => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  const opened: IDBDatabase[] = [];
  const open = IDBFactory.prototype.open;
  vi.spyOn(IDBFactory.prototype, "open").mockImplementation(function (this: IDBFactory, ...told) {
    const request = open.apply(this, told);
    request.addEventListener("success", () => opened.push(request.result));
    return request;
  });
  const phone = await new TestPhone(new FakeServer()).signedIn();
  await phone.household({ house: "12" });
  for (const database of opened) if (database.name.startsWith("_pouch_")) database.close();
  const engine = (await phone.phone.engine()) as unknown as { catchUp(): Promise<void> };
  await expect(engine.catchUp()).rejects.toMatchObject({ name: "InvalidStateError" });
  await expect(phone.save()).rejects.toMatchObject({ code: "database" });
  await phone.save();
  expect(phone.counts).toEqual({ waiting: 2, accepted: 0, refused: 0 });
  await phone.phone.stop();
});

test("a full disk is recognised however it is wrapped", () => {
  expect(isFull(new DOMException("", "QuotaExceededError"))).toBe(true);
  expect(isFull({ name: "indexed_db_went_bad", reason: "QuotaExceededError" })).toBe(true);
  expect(isFull({ reason: new DOMException("", "QuotaExceededError") })).toBe(true);
  expect(isFull(new Error("conflict"))).toBe(false);
});

test("a database that the browser threw away is noticed, and what was sent comes back", async () => {
  const server = new FakeServer();
  const phone = await new TestPhone(server).signedIn();
  await phone.save();
  await phone.sync();
  await (await phone.phone.engine()).keep();
  await phone.phone.stop();
  const names = (await indexedDB.databases()).map(({ name }) => name ?? "");
  const gone = names.filter((name) => name.startsWith("_pouch_") && name.includes(phone.name));
  expect(gone).toHaveLength(1);
  await new Promise((resolve) => (indexedDB.deleteDatabase(gone[0] ?? "").onsuccess = resolve));
  await phone.start();
  await phone.sync();
  expect(phone.phone.sync.value.lost).toBe(0);
  expect(phone.phone.visitLines.value).toHaveLength(1);
  expect(phone.counts).toMatchObject({ waiting: 0 });
  await phone.phone.stop();
});

test("writing asks for strict durability, reading for none", () => {
  const asked: unknown[][] = [];
  const prototype = { transaction: (...values: unknown[]) => (asked.push(values), {} as IDBTransaction) };
  makeDurable(prototype);
  makeDurable(prototype);
  prototype.transaction("a");
  prototype.transaction("a", "readonly");
  prototype.transaction("a", "readwrite");
  expect(asked).toEqual([["a", undefined], ["a", "readonly"], ["a", "readwrite", { durability: "strict" }]]);
});

test("a draft survives a killed browser", async () => {
  const [one, two] = [new AppStore("drafts-test"), new AppStore("drafts-test")];
  one.cipher = two.cipher = await Cipher.of(new Uint8Array(32));
  const drafts = new Drafts(one);
  drafts.save("visit:new", { note: "Nghĩ" });
  drafts.save("visit:new", { note: "Nghĩa" });
  expect(await drafts.get("visit:new")).toEqual({ note: "Nghĩa" });
  await vi.waitFor(async () => expect(await new Drafts(two).get("visit:new")).toEqual({ note: "Nghĩa" }), { timeout: 300, interval: 20 });
  await drafts.drop("visit:new");
  expect(await new Drafts(two).get("visit:new")).toBeUndefined();
});

test("the phone's wrong clock is corrected by the server's", async () => {
  const phone = await new TestPhone(new FakeServer(), "person:hoa", () => Date.now() - 3_600_000).signedIn();
  const visit = await phone.save();
  const ahead = Date.parse(visit.created.at) - Date.parse(visit.created.clock ?? "");
  expect(Math.round(ahead / 60_000)).toBe(60);
  await phone.phone.stop();
});

test("records that an earlier version sealed as Base64 are still read", async () => {
  const cipher = await Cipher.of(new Uint8Array(32));
  const { iv, data } = await cipher.seal({ label: "Bà, tầng 2" });
  const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
  const database = openDatabase("earlier", cipher);
  const { inner } = database as unknown as { inner: ConstructorParameters<typeof Database>[0] };
  const sealed = { iv: base64(iv), data: base64(new Uint8Array(data)) };
  await inner.put({ _id: "resident:1", type: "resident", sealed } as never);
  expect(await database.get("resident:1")).toMatchObject({ type: "resident", label: "Bà, tầng 2" });
  await database.close();
});
