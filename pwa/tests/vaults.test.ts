/** Several people and several tabs on one phone: nobody loses a record, nobody sees another's, nothing removed comes back. */
import PouchDB from "pouchdb-core";
import { afterEach, expect, test, vi } from "vitest";
import { AppStore } from "../src/data/app-store";
import { Phone } from "../src/data/phone";
import { FakeServer } from "./fake-server";
import { NAM, PIN, TestPhone } from "./phones";

const open: TestPhone[] = [];
const phoneOf = (server: FakeServer, name?: string) => {
  const made = new TestPhone(server, "person:hoa", undefined, name);
  open.push(made);
  return made;
};
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(open.splice(0).map((one) => one.phone.stop()));
});

const OTHER = "580274";
const lost = () => Response.json({ error: "device-lost", reason: "" }, { status: 401 });
const own = async (name: string) => (await indexedDB.databases()).map((one) => one.name ?? "").filter((one) => new RegExp(`${name}(-|$)`).test(one) && one !== `app-${name}`);

/** A phone on which Hoa has a vault, and Nam too. */
async function shared(): Promise<{ phone: TestPhone; server: FakeServer; hoa: string; nam: string }> {
  const server = new FakeServer();
  server.others.set("nam", NAM);
  const phone = await phoneOf(server).signedIn();
  const hoa = phone.phone.chosen.value as string;
  await phone.household({ house: "12" });
  await phone.phone.lock();
  phone.phone.choose(undefined);
  expect(await phone.phone.signIn("nam", "mat-khau")).toMatchObject({ ok: true });
  await phone.phone.choosePin(OTHER, "boat");
  return { phone, server, hoa, nam: phone.phone.chosen.value as string };
}

test("two people share a phone: each has a vault that the other's PIN does not open", async () => {
  const { phone, hoa, nam } = await shared();
  expect(phone.phone.doors.value).toEqual([]);
  await phone.phone.lock();
  expect(phone.phone.owners.value.map(({ id }) => id).sort()).toEqual([hoa, nam].sort());
  expect(phone.phone.owners.value.find(({ id }) => id === nam)?.picture).toBe("boat");
  phone.phone.choose(hoa);
  expect((await phone.phone.unlock(OTHER)).ok).toBe(false);
  expect((await phone.phone.unlock(PIN)).ok).toBe(true);
  expect(phone.phone.session.value?.person.id).toBe("person:hoa");
  expect(phone.phone.doors.value).toHaveLength(1);
});

test("each of two people sends under the own name, and the one's record is never sent by the other", async () => {
  const { phone, server, hoa, nam } = await shared();
  await phone.sync();
  expect(server.documents.size).toBe(0);
  expect(phone.counts).toMatchObject({ waiting: 0 });
  const { _id } = await phone.save();
  expect([...(await (await phone.phone.engine()).records.get(_id)).created.by]).toEqual([..."person:nam"]);
  await phone.phone.lock();
  phone.phone.choose(hoa);
  await phone.phone.unlock(PIN);
  await phone.sync();
  expect([...server.documents.keys()].map((id) => id.split(":")[0])).toEqual(["household"]);
  await phone.phone.lock();
  phone.phone.choose(nam);
  await phone.phone.unlock(OTHER);
  await phone.sync();
  expect(server.documents.has(_id)).toBe(true);
});

test("who signs in again without looking for the own picture finds the own records", async () => {
  const { phone, hoa } = await shared();
  await phone.phone.lock();
  phone.phone.choose(undefined);
  expect(await phone.phone.signIn("hoa", "mat-khau")).toMatchObject({ ok: true });
  expect(phone.phone.chosen.value).toBe(hoa);
  await phone.phone.choosePin("604917");
  expect(phone.phone.doors.value).toHaveLength(1);
});

test("who signs in at another's picture opens nothing and is told so", async () => {
  const { phone, hoa } = await shared();
  await phone.phone.lock();
  phone.phone.choose(hoa);
  expect(await phone.phone.signIn("nam", "mat-khau")).toMatchObject({ ok: false, error: "not-this-phone" });
  expect([phone.phone.gate.value, phone.phone.session.value]).toEqual(["locked", null]);
});

test("a lost phone's records of one person go, the other's stay behind their PIN", async () => {
  const { phone, server, hoa, nam } = await shared();
  server.answers = lost;
  await phone.sync();
  await expect.poll(() => phone.phone.owners.value.map(({ id }) => id)).toEqual([hoa]);
  await expect.poll(async () => (await own(phone.name)).filter((name) => name.includes(nam))).toEqual([]);
  expect((await phone.phone.unlock(PIN)).ok).toBe(true);
  expect(phone.phone.doors.value).toHaveLength(1);
});

test("signing out with a refused record keeps it for its author, and shows it to nobody else", async () => {
  const server = new FakeServer();
  server.others.set("nam", NAM);
  const phone = await phoneOf(server).signedIn();
  server.refuses = () => true;
  await phone.save({}, { note: "Nhà cổng xanh" });
  await phone.sync();
  expect(phone.counts).toMatchObject({ waiting: 0, refused: 1 });
  expect(await phone.phone.signOut()).toEqual({ ok: true });
  expect(phone.phone.gate.value).toBe("locked");
  phone.phone.choose(undefined);
  await phone.phone.signIn("nam", "mat-khau");
  await phone.phone.choosePin(OTHER);
  expect(await (await phone.phone.engine()).refusedList()).toEqual([]);
  await phone.phone.lock();
  phone.phone.choose(phone.phone.owners.value.find(({ picture }) => picture === "sunflower")?.id);
  await phone.phone.unlock(PIN);
  const [kept] = await (await phone.phone.engine()).refusedList();
  expect(kept?.document).toMatchObject({ record: { value: { note: "Nhà cổng xanh" } } });
});

test("two tabs that choose a PIN at once make one vault, and the other one is asked for that PIN", async () => {
  const server = new FakeServer();
  const [one, two] = [await phoneOf(server).start(), await phoneOf(server, open.at(-1)?.name).start()];
  for (const tab of [one, two]) await tab.phone.signIn("hoa", "mat-khau");
  await Promise.all([one.phone.choosePin(PIN), two.phone.choosePin(OTHER)]);
  const states = [one, two].map((tab) => tab.phone.gate.value).sort();
  expect(states).toEqual(["locked", "open"]);
  const [winner, loser] = one.phone.gate.value === "open" ? [one, two] : [two, one];
  await winner.household({ house: "12" });
  await (await winner.phone.engine()).keep();
  await loser.phone.unlock(winner === one ? PIN : OTHER);
  expect(loser.phone.doors.value).toHaveLength(1);
});

test("a save in a tab whose vault another tab has removed is not called saved, and leaves nothing behind", async () => {
  const server = new FakeServer();
  const one = await phoneOf(server).signedIn();
  const two = await phoneOf(server, one.name).start();
  const engine = await two.phone.engine();
  vi.spyOn(two.phone as unknown as { checkVault(): Promise<void> }, "checkVault").mockResolvedValue(); // not told yet
  expect(await one.phone.signOut()).toEqual({ ok: true });
  const visit = { household: null, record: { at: two.phone.clock.now(), outcome: "met" as const } };
  await expect(engine.records.visit(visit)).rejects.toThrow();
  await expect(two.save()).rejects.toThrow();
  await expect((two.phone.own as AppStore).put("values", "session", {})).rejects.toThrow();
  await one.signedIn();
  await one.save();
  await one.sync();
  expect(one.counts).toMatchObject({ waiting: 0, accepted: 1 });
  await two.phone.stop();
  await one.phone.sweep();
  expect((await own(one.name)).every((name) => name.includes(one.phone.chosen.value as string))).toBe(true);
});

test("a record that another tab writes after the last look at what waits is not called saved", async () => {
  const server = new FakeServer();
  const one = await phoneOf(server).signedIn();
  const two = await phoneOf(server, one.name).start();
  await two.phone.engine();
  const saved: boolean[] = [];
  const vaults = await one.phone.vaults();
  const remove = vaults.remove.bind(vaults);
  vi.spyOn(vaults, "remove").mockImplementation(async (...all) => {
    two.save().then(() => saved.push(true), () => saved.push(false));
    await new Promise((resolve) => setTimeout(resolve, 200)); // it is written meanwhile
    return remove(...all);
  });
  expect(await one.phone.signOut()).toEqual({ ok: true });
  await expect.poll(() => saved).toEqual([false]);
});

test("a tab that was killed while signing out holds up no one for ever", async () => {
  const one = await phoneOf(new FakeServer()).signedIn();
  await (await one.phone.vaults()).leave(one.phone.chosen.value as string, true);
  await one.save();
  expect(one.counts).toMatchObject({ waiting: 1 });
});

test("another tab locks at once when the vault is removed", async () => {
  const server = new FakeServer();
  const one = await phoneOf(server).signedIn();
  const two = await phoneOf(server, one.name).start();
  expect(two.phone.gate.value).toBe("open");
  await one.phone.signOut();
  await expect.poll(() => [two.phone.gate.value, two.phone.session.value]).toEqual(["welcome", null]);
});

test.each([0, 1, 2, 3])("a phone killed in the middle of wiping goes on at the next start, and can be used anew: after %i steps", async (steps) => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  const server = new FakeServer();
  const phone = await phoneOf(server).signedIn();
  await phone.household({ house: "12" });
  const id = phone.phone.chosen.value as string;
  // the steps: the profile, then each of the two databases; the killed app does none after these
  let done = 0;
  const dies = () => done++ >= steps;
  const remove = (await phone.phone.vaults()).remove.bind(await phone.phone.vaults());
  vi.spyOn(await phone.phone.vaults(), "remove").mockImplementation((...all) => (dies() ? new Promise(() => undefined) : remove(...all)));
  const deleteDatabase = indexedDB.deleteDatabase.bind(indexedDB);
  const deleting = vi.spyOn(indexedDB, "deleteDatabase").mockImplementation((name) => (dies() ? ({} as IDBOpenDBRequest) : deleteDatabase(name)));
  server.answers = lost;
  await phone.sync();
  await expect.poll(() => done).toBeGreaterThanOrEqual(Math.min(steps + 1, 3));
  await phone.phone.stop();
  deleting.mockRestore();
  await phone.start();
  if (steps === 0) {
    await phone.sync(); // nothing was removed: it is told again
    await expect.poll(() => phone.phone.gate.value).toBe("welcome");
  }
  expect([phone.phone.gate.value, phone.phone.owners.value]).toEqual(["welcome", []]);
  await phone.phone.sweep();
  expect((await own(phone.name)).filter((name) => name.includes(id))).toEqual([]);
  server.answers = () => undefined;
  await phone.signedIn();
  await phone.save();
  await phone.sync();
  expect(phone.counts).toMatchObject({ waiting: 0, accepted: 1 });
});

const DATABASE = "w09562-tdp-07";
/** As a version without vaults has left it: a visit that was sent, one that waits, one that was refused, a draft, a session. */
async function plainPhone(server: FakeServer): Promise<TestPhone> {
  const phone = phoneOf(server);
  const pouch = new PouchDB<object>(`${phone.name}-${DATABASE}`, { adapter: "idb" });
  const store = new AppStore(`app-${phone.name}`);
  const session = server.session("person:hoa", "device:01ARZ3NDEKTSV4RRFFQ69G5FAV");
  const visit = (id: string, note: string) => ({ _id: `visit:${id}`, type: "visit", household: null, created: { at: session.time, by: "person:hoa" }, record: { value: { at: session.time, outcome: "met", note }, at: session.time, by: "person:hoa" } });
  const revs: string[] = [];
  for (const [id, note] of [["1", "đã gửi cho phường"], ["2", "còn chờ gửi"], ["3", "bị từ chối"]] as const) revs.push((await pouch.put(visit(id, note))).rev);
  const receipt = (id: string, rev: string, state: string, reason?: string) => ({ id: `visit:${id}`, rev, state, ...(reason && { reason }) });
  await store.change(["values", "receipts", "drafts"], (to) => {
    to("values").put(session, "session");
    to("values").put({ doors: "Nguyễn Văn An" }, `list:${DATABASE}`);
    to("receipts").put(receipt("1", revs[0] ?? "", "accepted"), [DATABASE, "visit:1", revs[0] ?? ""]);
    to("receipts").put(receipt("3", revs[2] ?? "", "refused", "Không phải của tổ"), [DATABASE, "visit:3", revs[2] ?? ""]);
    to("drafts").put({ note: "Bà Nghĩa hẹn tối" }, "visit:new");
  });
  await pouch.close();
  await store.close();
  return phone;
}

async function dump(name: string): Promise<string> {
  const found: string[] = [];
  for (const { name: database = "" } of await indexedDB.databases()) {
    if (!database.includes(name)) continue;
    const opened = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open(database);
      request.onsuccess = () => resolve(request.result);
    });
    for (const store of opened.objectStoreNames) {
      const rows = await new Promise<unknown[]>((resolve) => {
        const request = opened.transaction(store).objectStore(store).getAll();
        request.onsuccess = () => resolve(request.result as unknown[]);
      });
      found.push(JSON.stringify(rows));
    }
    opened.close();
  }
  return found.join("\n");
}
const CLEAR = ["cổng", "đã gửi cho phường", "còn chờ gửi", "bị từ chối", "Nghĩa", "Nguyễn Văn An", "Không phải", "Tổ 7"];

test("what an earlier version kept in the clear is sealed at the update, without a network, and nothing of it is lost", async () => {
  const server = new FakeServer();
  const phone = await plainPhone(server);
  expect(await dump(phone.name)).toContain("còn chờ gửi"); // the search finds it
  server.cut = () => "before";
  await phone.start();
  expect(phone.phone.gate.value).toBe("new-pin");
  await phone.phone.choosePin(PIN);
  await phone.phone.engine();
  expect(phone.counts).toEqual({ waiting: 1, accepted: 1, refused: 1 });
  expect(phone.phone.visitLines.value).toHaveLength(3);
  expect(await phone.phone.drafts.get("visit:new")).toEqual({ note: "Bà Nghĩa hẹn tối" });
  server.cut = () => undefined;
  await phone.sync();
  expect([...server.documents.keys()]).toEqual(["visit:2"]);
  await phone.phone.stop();
  const raw = await dump(phone.name);
  for (const text of CLEAR) expect(raw).not.toContain(text);
});

test("killed while sealing, the earlier version's records are still there, and the next start seals them", async () => {
  const phone = await plainPhone(new FakeServer());
  await phone.start();
  const vaults = await phone.phone.vaults();
  vi.spyOn(vaults, "add").mockRejectedValue(new Error("killed"));
  await expect(phone.phone.choosePin(PIN)).rejects.toThrow("killed");
  await phone.phone.stop();
  vi.restoreAllMocks();
  await phone.start();
  await phone.phone.sweep();
  expect(phone.phone.gate.value).toBe("new-pin");
  await phone.phone.choosePin(PIN);
  await phone.phone.engine();
  expect(phone.counts).toEqual({ waiting: 1, accepted: 1, refused: 1 });
  const raw = await dump(phone.name);
  for (const text of CLEAR) expect(raw).not.toContain(text);
});

test("a phone without vaults and without records greets whoever comes", async () => {
  const phone = new Phone({ app: "app-empty", prefix: "empty-", patience: 1e9 });
  await phone.start();
  expect([phone.gate.value, phone.owners.value]).toEqual(["welcome", []]);
  await phone.stop();
});

test("someone new who taps while the phone is still locking itself is not taken for its owner", async () => {
  const phone = await phoneOf(new FakeServer()).signedIn();
  const locking = phone.phone.lock();
  expect(phone.phone.gate.value).toBe("locked");
  phone.phone.choose(undefined);
  await locking;
  expect(phone.phone.chosen.value).toBeUndefined();
});
