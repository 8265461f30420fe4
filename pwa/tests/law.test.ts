/** What the law asks of the phone, each test named after its requirement. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Resident, ResidentInput } from "../src/data/types";
import { FakeServer } from "./fake-server";
import { TestPhone } from "./phones";

const NAME = "Nguyễn Thị Mơ";
let server: FakeServer;
let phone: TestPhone;

beforeEach(async () => {
  server = new FakeServer();
  phone = await new TestPhone(server).signedIn();
});
afterEach(() => phone.phone.stop());

const engine = () => phone.phone.engine();
const consent = (method: "spoken" | "representative" = "spoken") => ({ version: "2026-11", at: phone.phone.clock.now(), method, by: "person:hoa" }) as const;

async function settle(fields: Partial<ResidentInput> = {}): Promise<Resident> {
  const door = await phone.household({ house: "12" });
  return (await engine()).records.resident({ household: door._id, label: "Bà, tầng 2", age_band: "60-plus", ...fields });
}

const sent = () => JSON.stringify(server.bodies.filter(({ path }) => path.endsWith("/_bulk_docs")));

test("L1 a name or a phone number is not saved without a consent, and nothing of it is kept or sent", async () => {
  for (const identity of [{ name: NAME }, { phone: "0912345678" }]) {
    await expect(settle({ identity } as Partial<ResidentInput>)).rejects.toThrow("consent-missing");
  }
  await phone.sync();
  expect(sent()).not.toMatch(/Mơ|0912345678/);
  expect(phone.phone.list?.search("nguyen thi mo")).toEqual([]);
});

test("L1 who refuses is still counted, without a name", async () => {
  await phone.save({}, { helps: [{ service: "ihanoi", level: "installed", person: null, age_band: "60-plus" }] });
  await phone.sync();
  expect(phone.counts).toMatchObject({ waiting: 0, accepted: 1, refused: 0 });
  expect(phone.phone.list?.totals({ from: "2000-01-01", to: "2999-01-01" }, null)).toMatchObject({ acts: 1, people: 0 });
});

test("L1 a consent is kept with version, time, method and volunteer, and its withdrawal takes name and number off the phone", async () => {
  const { _id: id, household } = await settle({ identity: { name: NAME, phone: "0912345678", consent: consent() } });
  await phone.sync();
  expect(sent()).toMatch(/"consent":{"version":"2026-11","at":"[^"]+","method":"spoken","by":"person:hoa"}/);
  expect(phone.phone.list?.search("nguyen thi mo")).toHaveLength(1);
  const before = await (await engine()).records.get<Resident>(id);

  await (await engine()).records.resident({ id, household, identity: {} });
  server.bodies.length = 0;
  await phone.sync();
  expect(JSON.stringify(await (await engine()).records.get<Resident>(id))).not.toMatch(/Mơ|0912345678/);
  expect(sent()).toContain('"identity":{"value":{}');
  expect(sent()).not.toMatch(/Mơ|0912345678/);
  expect(phone.phone.list?.search("nguyen thi mo")).toEqual([]);
  expect((await (await engine()).openHousehold(household)).people).toMatchObject([{ name: "Bà, tầng 2" }]);
  await expect((await engine())["local"].get(id, { rev: before._rev })).rejects.toMatchObject({ status: 404 });
});

test("L5 a number of 12 digits is refused wherever it is typed, before anything is written", async () => {
  await expect(settle({ label: "Bà 001203004567" })).rejects.toThrow("id-number");
  await expect(settle({ identity: { name: "Mơ 001 203 004 567", consent: consent() } })).rejects.toThrow("id-number");
  await expect(phone.save({}, { note: "CCCD 001203004567" })).rejects.toThrow("id-number");
  const file = { service: "dvc", level: "submitted", person: null, detail: "000203004567" };
  await phone.save({}, { helps: [file] });
  await phone.sync();
  expect(sent()).not.toMatch(/001203004567|001 203/);
  expect(sent()).toContain("000203004567"); // a file's code may have twelve digits
});

test("L6 whoever asked the ward to leave the data alone is shown to no one and cannot be changed", async () => {
  const { _id: id, household } = await settle({ identity: { name: NAME, consent: consent() } });
  await phone.sync();
  const rev = server.leaves(id)[0] ?? "";
  const parent = server.documents.get(id)?.get(rev);
  if (!parent) throw new Error("not sent");
  const { start, ids } = parent._revisions;
  const mark = { value: true, at: "2999-01-01T00:00:00.000Z", by: "person:giamsat" };
  const hash = "f".repeat(32);
  server.put({ ...parent, restricted: mark, _rev: `${start + 1}-${hash}`, _revisions: { start: start + 1, ids: [hash, ...ids] } });
  await phone.sync();
  expect(phone.phone.list?.search("nguyen thi mo")).toEqual([]);
  expect(phone.phone.list?.search("12")).toMatchObject([{ people: 0 }]);
  expect(await (await engine()).openHousehold(household)).toMatchObject({ people: [], restricted: 1 });
  for (const fields of [{ label: "Bà Mơ" }, { identity: {} }]) {
    await expect((await engine()).records.resident({ id, household, ...fields })).rejects.toThrow("restricted");
  }
});

test("L12 under 16 a name is kept only with the representative's consent", async () => {
  await expect(settle({ age_band: "under-16", identity: { name: NAME, consent: consent() } })).rejects.toThrow("consent-missing");
  await settle({ age_band: "under-16", identity: { name: NAME, consent: consent("representative") } });
  expect(phone.phone.list?.search("nguyen thi mo")).toHaveLength(1);
});
