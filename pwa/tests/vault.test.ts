import { afterEach, expect, test, vi } from "vitest";
import { AppStore, Locked } from "../src/data/app-store";
import { Vault, weakness } from "../src/data/vault";
import { Vaults } from "../src/data/vaults";
import { FakeServer } from "./fake-server";
import { PIN, TestPhone } from "./phones";
import { rawRecords } from "./raw";

afterEach(() => vi.restoreAllMocks());

const ESCROW = "B".repeat(43);
let made = 0;

async function closed(watch = { now: 1_000_000 }) {
  const name = `vault-${++made}`;
  const vaults = new Vaults(new AppStore(name));
  const again = (store = new AppStore(undefined), stopwatch = watch) => new Vault(vaults, store, "one", `${name}-one`, () => stopwatch.now, 1);
  const store = new AppStore(undefined);
  const vault = again(store);
  await vaults.add(await vault.make(PIN, { person: "person:hoa", picture: "fish", slot: "", device: "device:1" }, ESCROW));
  await store.put("values", "session", { name: "Nguyễn Thị Hoa" });
  await vault.lock();
  return { store, vault, watch, vaults, again };
}

test("the right PIN opens what was kept, a wrong one opens nothing", async () => {
  const { store, vault } = await closed();
  await expect(store.get("values", "session")).rejects.toThrow(Locked);
  expect(await vault.unlock("000001")).toEqual({ ok: false, wait: 0 });
  await expect(store.get("values", "session")).rejects.toThrow(Locked);
  expect(await vault.unlock(PIN)).toEqual({ ok: true });
  expect(await store.get("values", "session")).toEqual({ name: "Nguyễn Thị Hoa" });
});

test("another PIN wraps the same key: the old one no longer opens, and what was kept is still there", async () => {
  const { store, vault } = await closed();
  await vault.unlock(PIN);
  await vault.change("một cụm từ dài");
  await vault.lock();
  expect((await vault.unlock(PIN)).ok).toBe(false);
  expect((await vault.unlock("một cụm từ dài".normalize("NFD"))).ok).toBe(true);
  expect(await store.get("values", "session")).toEqual({ name: "Nguyễn Thị Hoa" });
});

test("the server's key opens for whoever forgot the PIN, and no other key does", async () => {
  const { store, vault } = await closed();
  expect(await vault.recover("C".repeat(43))).toBe(false);
  expect(await vault.recover(ESCROW)).toBe(true);
  expect(await store.get("values", "session")).toEqual({ name: "Nguyễn Thị Hoa" });
});

test("wrong PINs are slowed down; the wait passes while the app is open, and starts where it was after a restart", async () => {
  const { vault, watch, again } = await closed();
  for (let n = 0; n < 4; n++) expect(await vault.unlock("999998")).toEqual({ ok: false, wait: 0 });
  expect(await vault.unlock("999998")).toEqual({ ok: false, wait: 30_000 });
  watch.now += 10_000;
  expect(await vault.unlock(PIN)).toEqual({ ok: false, wait: 20_000 });
  const restarted = { now: 5_000_000 };
  const later = again(undefined, restarted);
  expect(await later.unlock(PIN)).toEqual({ ok: false, wait: 20_000 });
  restarted.now += 20_000;
  expect(await later.unlock("999998")).toEqual({ ok: false, wait: 60_000 });
  restarted.now += 60_000;
  expect(await later.unlock(PIN)).toEqual({ ok: true });
  expect(await again().unlock("999998")).toEqual({ ok: false, wait: 0 });
});

test("no clock shortens the wait, forward or back, nor do two pages that wait at once", async () => {
  const { vault, watch, again } = await closed();
  for (let n = 0; n < 5; n++) await vault.unlock("999998");
  vi.spyOn(Date, "now").mockReturnValue(Date.now() + 9e9);
  expect(await vault.wait()).toBe(30_000);
  const others = [again(), again()];
  for (let second = 0; second < 10; second++) {
    watch.now += 1_000;
    for (const one of others) await one.wait();
  }
  expect(await vault.wait()).toBeGreaterThanOrEqual(20_000);
});

test("tries made at once in many tabs are counted each", async () => {
  const { vault, again } = await closed();
  await Promise.all(Array.from({ length: 20 }, () => again().unlock("999998")));
  expect((await vault.profile())?.tries).toMatchObject({ count: 5, left: 30_000 });
});

test("without the secret of this browser the right PIN opens nothing", async () => {
  const { vault, vaults } = await closed();
  const secret = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  await vaults.change("one", (profile) => [{ ...profile, secret }, undefined]);
  expect((await vault.unlock(PIN)).ok).toBe(false);
});

test.each([
  ["000000", "easy"],
  ["123456", "easy"],
  ["654321", "easy"],
  ["121212", "easy"],
  ["12345", "digits"],
  ["1234567890", "digits"],
  ["abc", "short"],
  ["aaaaaaaa", "easy"],
  ["271946", null],
  ["bốn mùa hoa", null],
])("a PIN that is easy to guess is refused: %s", (pin, why) => expect(weakness(pin)).toBe(why));

test("documents, drafts, the list and the session are in no database as they are; ids and types are", async () => {
  const phone = await new TestPhone(new FakeServer()).signedIn();
  const saved = await phone.household({ house: "Nhà cổng xanh" });
  phone.phone.drafts.save("visit:1", { note: "Bà Nghĩa hẹn tối" });
  await phone.phone.drafts.flush();
  await (await phone.phone.engine()).keep();
  await phone.phone.stop();
  const raw = JSON.stringify(await rawRecords(phone.name));
  expect(raw).toContain(saved._id);
  expect(raw).toContain('"type":"household"');
  for (const secret of ["Nhà cổng xanh", "Nghĩa", "Nguyễn Thị Hoa"]) expect(raw).not.toContain(secret);
});

test("a locked phone shows nothing; unlocked, it shows and sends what waited", async () => {
  const server = new FakeServer();
  const phone = await new TestPhone(server).signedIn();
  await phone.household({ house: "12" });
  await phone.phone.lock();
  expect([phone.phone.doors.value, phone.phone.session.value, phone.phone.gate.value]).toEqual([[], null, "locked"]);
  await expect(phone.phone.engine()).rejects.toMatchObject({ code: "signed-out" });
  await phone.phone.unlock(PIN);
  expect(phone.phone.doors.value).toHaveLength(1);
  await phone.sync();
  expect(server.documents.size).toBe(1);
  await phone.phone.stop();
});

test("who forgot the PIN signs in, chooses another one, and keeps the record that was not sent", async () => {
  const phone = await new TestPhone(new FakeServer()).signedIn();
  await phone.household({ house: "12" });
  await phone.phone.lock();
  expect(await phone.phone.signIn("hoa", "mat-khau")).toMatchObject({ ok: true });
  expect(phone.phone.gate.value).toBe("new-pin");
  await phone.phone.choosePin("580274");
  expect(phone.phone.doors.value).toHaveLength(1);
  await (await phone.phone.engine()).refresh();
  expect(phone.counts).toMatchObject({ waiting: 1 });
  await phone.phone.lock();
  expect((await phone.phone.unlock(PIN)).ok).toBe(false);
  expect((await phone.phone.unlock("580274")).ok).toBe(true);
  await phone.phone.stop();
});

test("a key of the server's that is another one opens nothing on a locked phone, and the sign-in is ended again", async () => {
  const server = new FakeServer();
  const phone = await new TestPhone(server).signedIn();
  await phone.phone.lock();
  server.escrow = "C".repeat(43);
  expect(await phone.phone.signIn("hoa", "mat-khau")).toMatchObject({ ok: false, error: "not-this-phone" });
  expect(phone.phone.gate.value).toBe("locked");
  expect(server.requests.at(-1)).toBe("POST /api/sign-out");
  await phone.phone.stop();
});

test("another PIN rewrites the wrapped key and nothing else", async () => {
  const phone = await new TestPhone(new FakeServer()).signedIn();
  await phone.household({ house: "12" });
  await (await phone.phone.engine()).keep();
  const put = vi.spyOn(IDBObjectStore.prototype, "put");
  const add = vi.spyOn(IDBObjectStore.prototype, "add");
  await phone.phone.choosePin("580274");
  expect(put.mock.calls.map(([, key]) => key)).toEqual([`vault:${phone.phone.chosen.value}`]);
  expect(add).not.toHaveBeenCalled();
  await phone.phone.stop();
});

const refusal = (error: string) => Response.json({ error, reason: "" }, { status: 401 });

test("a phone reported lost destroys its key and its records, even those not sent", async () => {
  const server = new FakeServer();
  const phone = await new TestPhone(server).signedIn();
  await phone.household({ house: "12" });
  server.answers = () => refusal("device-lost");
  await phone.sync();
  await expect.poll(() => phone.phone.gate.value).toBe("welcome");
  await expect.poll(async () => JSON.stringify(await rawRecords(phone.name)).includes("household:")).toBe(false);
  expect(phone.phone.owners.value).toEqual([]);
  await phone.phone.stop();
});

test.each(["device-revoked", "access-ended"])("access that has ended keeps what was recorded, and says so: %s", async (code) => {
  const server = new FakeServer();
  const phone = await new TestPhone(server).signedIn();
  await phone.household({ house: "12" });
  server.answers = () => refusal(code);
  await phone.sync();
  expect(phone.phone.sync.value).toMatchObject({ phase: "signed-out", error: code, waiting: 1 });
  await phone.phone.stop();
});
