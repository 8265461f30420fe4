import { expect, test } from "vitest";
import { AppStore, Locked } from "../src/data/app-store";
import { Vault, weakness } from "../src/data/vault";
import { FakeServer } from "./fake-server";
import { PIN, TestPhone } from "./phones";
import { rawRecords } from "./raw";

const ESCROW = "B".repeat(43);
let made = 0;

async function closed(clock = { now: 1_000_000 }) {
  const store = new AppStore(`vault-${++made}`);
  const vault = new Vault(store, () => clock.now, 1);
  await vault.create(PIN, ESCROW, "device:1");
  await store.put("values", "session", { name: "Nguyễn Thị Hoa" });
  vault.lock();
  return { store, vault, clock, again: () => new Vault(store, () => clock.now, 1) };
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
  vault.lock();
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

test("wrong PINs are slowed down over restarts, and a clock set back shortens nothing", async () => {
  const { vault, clock, again } = await closed();
  for (let n = 0; n < 4; n++) expect(await vault.unlock("999998")).toEqual({ ok: false, wait: 0 });
  expect(await vault.unlock("999998")).toEqual({ ok: false, wait: 30_000 });
  clock.now += 10_000;
  expect(await again().unlock(PIN)).toEqual({ ok: false, wait: 20_000 });
  clock.now -= 600_000;
  expect(await again().wait()).toBe(30_000);
  clock.now += 30_000;
  expect(await again().unlock("999998")).toEqual({ ok: false, wait: 60_000 });
  clock.now += 60_000;
  expect(await again().unlock(PIN)).toEqual({ ok: true });
  expect(await again().unlock("999998")).toEqual({ ok: false, wait: 0 });
});

test("without the secret of this browser the right PIN opens nothing", async () => {
  const { store, vault } = await closed();
  await store.delete("values", "device-secret");
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

test("someone else's sign-in opens nothing on a locked phone, and is ended again", async () => {
  const server = new FakeServer();
  const phone = await new TestPhone(server).signedIn();
  await phone.phone.lock();
  server.escrow = "C".repeat(43);
  expect(await phone.phone.signIn("nam", "mat-khau")).toMatchObject({ ok: false, error: "not-this-phone" });
  expect(phone.phone.gate.value).toBe("locked");
  expect(server.requests.at(-1)).toBe("POST /api/sign-out");
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
  expect(await (await phone.phone.vault()).profile()).toBeUndefined();
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
