/** What the phone makes of documents that the server merged (sync/conflicts.py). */
import { afterEach, expect, test } from "vitest";
import type { Household, Resident } from "../src/data/types";
import { FakeServer } from "./fake-server";
import { TestPhone } from "./phones";

const open: TestPhone[] = [];
async function signedIn(server: FakeServer, person?: string): Promise<TestPhone> {
  const phone = await new TestPhone(server, person).signedIn();
  open.push(phone);
  return phone;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.phone.stop()));
});
const records = async (phone: TestPhone) => (await phone.phone.engine()).records;

/** As the server does: `fields` go into a child of the winner, the other leaf ends. */
function merge(server: FakeServer, id: string, fields: object): string {
  const [winner = "", other = ""] = server.leaves(id).sort().reverse();
  const child = (rev: string, hash: string) => {
    const parent = server.documents.get(id)?.get(rev);
    if (!parent) throw new Error(`no ${rev}`);
    const { start, ids } = parent._revisions;
    return { parent, _id: id, _rev: `${start + 1}-${hash}`, _revisions: { start: start + 1, ids: [hash, ...ids] } };
  };
  const { parent, ...merged } = child(winner, "f".repeat(32));
  server.put({ ...parent, ...merged, ...fields });
  if (!other) return merged._rev;
  const { parent: _, ...end } = child(other, "e".repeat(32));
  server.put({ ...end, _deleted: true });
  return merged._rev;
}

test("two phones that changed one household apart hold the merged one, nothing waits, and they go on from it", async () => {
  const server = new FakeServer();
  const [one, two] = [await signedIn(server), await signedIn(server, "person:lan")];
  const { _id: id } = await one.household({ house: "12", lane: "ngõ 3" });
  await one.sync();
  await two.sync();
  const left = await (await records(one)).household({ id, address: { house: "14", lane: "ngõ 3" } });
  const right = await (await records(two)).household({ id, address: { house: "16", lane: "ngõ 3" }, adults: 3 });
  await one.sync();
  await two.sync();
  expect(server.leaves(id)).toHaveLength(2);
  const past = [{ field: "address", ...left.address }];
  const rev = merge(server, id, { address: right.address, adults: right.adults, history: past });
  for (const phone of [one, two]) {
    await phone.sync();
    expect(await (await records(phone)).get<Household>(id)).toMatchObject({ _rev: rev, address: right.address, adults: right.adults, history: past });
    expect(phone.phone.doors.value).toMatchObject([{ line: "16 ngõ 3", state: "accepted" }]);
    expect(phone.counts).toMatchObject({ waiting: 0, refused: 0 });
    await phone.restart();
    await phone.sync();
    expect(phone.counts).toMatchObject({ waiting: 0, refused: 0 });
  }
  const next = await (await records(one)).household({ id, adults: 4 });
  await one.sync();
  expect(server.leaves(id)).toContain((next as Household & { _rev: string })._rev);
  expect(server.leaves(id).filter((leaf) => !server.documents.get(id)?.get(leaf)?._deleted)).toHaveLength(1);
});

test("an edit that was saved on the branch that ended is sent all the same", async () => {
  const server = new FakeServer();
  const [one, two] = [await signedIn(server), await signedIn(server, "person:lan")];
  const id = await apartWhereTheFirstEnds(server, one, two);
  merge(server, id, {});
  const late = await (await records(one)).household({ id, adults: 5 });
  await one.sync();
  expect(server.leaves(id)).toContain((late as Household & { _rev: string })._rev);
  expect(one.counts).toMatchObject({ waiting: 0, refused: 0 });
});

/** A household edited apart, of which the first phone holds the branch that loses: names of revisions are random. */
async function apartWhereTheFirstEnds(server: FakeServer, one: TestPhone, two: TestPhone): Promise<string> {
  for (;;) {
    const { _id: id } = await one.household({ house: "12" });
    await one.sync();
    await two.sync();
    for (const [phone, house] of [[one, "14"], [two, "16"]] as const) {
      await (await records(phone)).household({ id, address: { house } });
      await phone.sync();
    }
    const held = await (await records(one)).get<Household>(id);
    if (held._rev === server.leaves(id).sort()[0]) return id;
  }
}

test("a withdrawn consent takes the name out of the history too", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  const door = await phone.household({ house: "12" });
  const consent = { version: "2026-11", at: phone.phone.clock.now(), method: "spoken", by: "person:hoa" } as const;
  const fields = { household: door._id, label: "Bà, tầng 2", age_band: "60-plus", identity: { name: "Nguyễn Thị Hoa", consent } } as const;
  const { _id: id, identity, label } = await (await records(phone)).resident(fields);
  await phone.sync();
  const before = { ...identity, value: { name: "Nguyễn Thị Hòa", consent } };
  merge(server, id, { history: [{ field: "identity", ...before }, { field: "label", ...label, value: "Bà" }] });
  await phone.sync();
  await (await records(phone)).resident({ id, household: door._id, age_band: "16-59" });
  expect(JSON.stringify(await (await records(phone)).get<Resident>(id))).toContain("Hòa");
  await (await records(phone)).resident({ id, household: door._id, identity: {} });
  const after = await (await records(phone)).get<Resident>(id);
  expect(JSON.stringify(after)).not.toMatch(/Nguyễn/);
  expect(after.history).toMatchObject([{ field: "label", value: "Bà" }, { field: "age_band", value: "60-plus" }]);
});

test("what an edit replaces is in the history, what it leaves as it was is nobody's edit", async () => {
  const phone = await signedIn(new FakeServer());
  const door = await phone.household({ house: "12" });
  await (await records(phone)).household({ id: door._id, address: { house: " 12" }, kind: "business", adults: 3 });
  const after = await (await records(phone)).get<Household>(door._id);
  expect(after.address).toEqual(door.address);
  expect(after.history).toEqual([{ field: "kind", ...door.kind }]);
});

test("an edit of a contested field ends its contest, also when the value stays, and no other's", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server, "person:lan");
  const { _id: id, address, kind } = await phone.household({ house: "16" });
  await phone.sync();
  const past = [{ field: "address", ...address, value: { house: "14" }, apart: true }, { field: "kind", ...kind, value: "business", apart: true }];
  merge(server, id, { history: past });
  await phone.sync();
  await (await records(phone)).household({ id, adults: 2 });
  expect((await (await records(phone)).get<Household>(id)).history).toEqual(past);
  await (await records(phone)).household({ id, address: { house: "16" } });
  const after = await (await records(phone)).get<Household>(id);
  expect(after.address.at > address.at).toBe(true);
  expect(after.history).toEqual([{ field: "address", ...address, value: { house: "14" } }, past[1], { field: "address", ...address }]);
});

test("a consent given anew is later than the end of the one before, whatever the clock says", async () => {
  const phone = await signedIn(new FakeServer());
  const door = await phone.household({ house: "12" });
  const consent = { version: "v1", at: "2020-01-01T00:00:00.000Z", method: "spoken", by: "person:hoa" } as const;
  const { _id: id } = await (await records(phone)).resident({ household: door._id, label: "Bà", age_band: "60-plus", identity: { name: "Hoa", consent } });
  const { identity: ended } = await (await records(phone)).resident({ id, household: door._id, identity: {} });
  const { identity } = await (await records(phone)).resident({ id, household: door._id, identity: { name: "Hoa", consent } });
  expect((identity?.value.consent?.at ?? "") > (ended?.at ?? "~")).toBe(true);
});
