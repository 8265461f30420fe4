import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import type { Cipher } from "../src/data/cipher";
import type { Resident } from "../src/data/types";
import { FakeServer } from "./fake-server";
import { TestPhone } from "./phones";
import { opened } from "./raw";

const NAME = "Nguyễn Thị Mơ";
const CONSENT = { version: "2026-01", at: "2026-05-01T01:00:00.000Z", method: "spoken" as const, by: "person:hoa" };
const open: TestPhone[] = [];

async function signedIn(server: FakeServer, person?: string): Promise<TestPhone> {
  const phone = await new TestPhone(server, person).signedIn();
  open.push(phone);
  return phone;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.phone.stop()));
});

async function addPerson(phone: TestPhone, household: string): Promise<Resident> {
  const { records } = await phone.phone.engine();
  return records.resident({ household, label: "Bà Mơ", identity: { name: NAME, phone: "0912345678", consent: CONSENT } });
}

async function relabel(phone: TestPhone, person: Resident, label: string): Promise<void> {
  await (await phone.phone.engine()).records.resident({ id: person._id, household: person.household, label });
}

/** All that lies in the phone's storage, opened; what is written later than now is waited for. */
async function everything(phone: TestPhone): Promise<string> {
  await phone.phone.drafts.flush();
  await (await phone.phone.engine()).keep();
  return opened(phone.name, phone.phone.own.cipher as Cipher);
}

/** Two phones that hold one household and its person. */
async function setting() {
  const server = new FakeServer();
  const [one, two] = [await signedIn(server), await signedIn(server, "person:lan")];
  const door = await one.household({ house: "12", lane: "ngõ 3" });
  const person = await addPerson(one, door._id);
  await one.sync();
  await two.sync();
  return { server, one, two, door, person };
}

test("the storage holds the name before: else the next tests would prove nothing", async () => {
  const { one, two } = await setting();
  for (const phone of [one, two]) expect(await everything(phone)).toContain("Mơ");
});

test("a phone that pulls an erasure keeps no body, no row of the list and no word to search for", async () => {
  const { server, two, door, person } = await setting();
  await relabel(two, person, "Cụ Mơ");
  await two.sync();
  server.erase(person._id);
  await two.sync();
  expect(await everything(two)).not.toMatch(/Mơ|0912345678/);
  expect(two.phone.doors.value).toMatchObject([{ people: 0, fold: "12 ngo 3" }]);
  expect(two.phone.list?.search("mơ")).toEqual([]);
  const view = await (await two.phone.engine()).openHousehold(door._id);
  expect(view.people).toEqual([]);
  expect(two.phone.sync.value.erased, "nothing unsent was removed").toBeUndefined();
});

test("what was edited offline about someone erased goes from the phone, is not refused, and is told of once", async () => {
  const { server, two, person } = await setting();
  server.cut = () => "before";
  await relabel(two, person, "Cụ Mơ, mới sửa");
  await two.save({ household: person.household }, { outcome: "absent" });
  server.erase(person._id);
  server.cut = () => undefined;
  await two.sync();
  expect(two.counts).toEqual({ waiting: 0, accepted: 1, refused: 0 });
  expect(two.phone.sync.value).toMatchObject({ phase: "idle", erased: 1 });
  expect(await (await two.phone.engine()).refusedList()).toEqual([]);
  expect(await everything(two)).not.toMatch(/Mơ|0912345678/);
  await two.restart();
  await two.sync();
  expect(two.counts).toEqual({ waiting: 0, accepted: 1, refused: 0 });
  expect(two.phone.sync.value.erased).toBe(1);
  await (await two.phone.engine()).noteSeen();
  expect(two.phone.sync.value.erased).toBeUndefined();
  await two.restart();
  await two.phone.engine();
  expect(two.phone.sync.value.erased).toBeUndefined();
  const offered = server.bodies.filter(({ path }) => path.endsWith("_bulk_docs"));
  const named = offered.filter(({ body }) => JSON.stringify(body).includes(person._id));
  expect(named.length, "offered again, or its tombstone was").toBe(2);
});

test("a person refused before leaves the list of refused records when erased", async () => {
  const { server, two, person } = await setting();
  server.refuses = () => true;
  await relabel(two, person, "Cụ Mơ");
  await two.sync();
  expect(two.counts).toMatchObject({ refused: 1 });
  server.erase(person._id);
  await two.sync();
  await two.sync();
  expect(two.counts).toEqual({ waiting: 0, accepted: 0, refused: 0 });
  expect(await everything(two)).not.toContain("Mơ");
});

test("drafts that name someone erased are dropped, other drafts stay", async () => {
  const { server, two, person } = await setting();
  two.phone.drafts.save("visit:1", { helps: [{ person: person._id }], note: "Dặn bà Mơ" });
  two.phone.drafts.save("visit:2", { note: "Nhà có chó" });
  server.erase(person._id);
  await two.sync();
  expect(await two.phone.drafts.get("visit:1")).toBeUndefined();
  expect(await two.phone.drafts.get("visit:2")).toEqual({ note: "Nhà có chó" });
  expect(await everything(two)).not.toContain("Mơ");
});

test("an edit saved while the server answers is removed as well, and later ones find nobody", async () => {
  const { server, two, person } = await setting();
  await relabel(two, person, "Cụ Mơ");
  server.erase(person._id);
  server.during = async () => {
    server.during = async () => undefined;
    await relabel(two, person, "Cụ Mơ ơi");
  };
  await two.sync();
  expect(two.counts).toMatchObject({ waiting: 0, refused: 0 });
  expect(await everything(two)).not.toContain("Mơ");
  await expect(relabel(two, person, "Cụ Mơ")).rejects.toMatchObject({ code: "not-found" });
});

test("after a restored backup of the server the phone offers no tombstone, and none is refused", async () => {
  const { server, two, person } = await setting();
  await relabel(two, person, "Cụ Mơ");
  server.erase(person._id);
  await two.sync();
  server.lose();
  server.bodies.length = 0;
  await two.sync();
  expect(two.counts).toMatchObject({ waiting: 0, refused: 0 });
  const offered = server.bodies.filter(({ path }) => path.endsWith("_bulk_docs"));
  expect(JSON.stringify(offered)).not.toContain(person._id);
});

const step = fc.constantFrom("edit-one", "edit-two", "sync-one", "sync-two", "cut-one", "cut-two", "restart-one", "restart-two", "erase");

test("whenever the erasure comes, both phones end without the name and with nothing waiting", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
      const { server, one, two, person } = await setting();
      let edits = 0;
      for (const each of [...steps, "erase", "edit-one"]) {
        const phone = each.endsWith("one") ? one : two;
        if (each.startsWith("edit")) await relabel(phone, person, `Bà Mơ ${edits++}`).catch((error: { code?: string }) => expect(error.code).toBe("not-found"));
        if (each.startsWith("sync")) await phone.sync();
        if (each.startsWith("restart")) await phone.restart();
        if (each === "erase") server.erase(person._id);
        if (!each.startsWith("cut")) continue;
        server.cut = (path) => (path.endsWith("_bulk_docs") ? "after" : undefined);
        await phone.sync();
        server.cut = () => undefined;
      }
      for (const phone of [one, two, one, two]) await phone.sync();
      for (const phone of [one, two]) {
        expect(phone.counts).toMatchObject({ waiting: 0, refused: 0 });
        expect(phone.phone.sync.value.phase).toBe("idle");
        expect(await everything(phone)).not.toContain("Mơ");
        await phone.phone.stop();
      }
      open.length = 0;
      expect(JSON.stringify([...server.documents.get(person._id)?.values() ?? []])).not.toContain("Mơ");
    }),
    { numRuns: 25 },
  );
}, 60_000);
