/** A person leaves a unit, or leaves altogether: what waited on the phone is handed in, and only then it goes. */
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { FakeServer, type Cut } from "./fake-server";
import { TestPhone } from "./phones";
import { rawRecords } from "./raw";

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

const databases = async (name: string) =>
  (await indexedDB.databases()).flatMap(({ name: one = "" }) => (one.includes(`_pouch_${name}-`) ? [one.replace(/^.*-w/, "w")] : []));
const moved = (phone: TestPhone, unit: string) => expect.poll(() => phone.phone.session.value?.unit.code).toBe(unit);

/** A phone with a door that is sent and one that is not, whose person is moved to another unit meanwhile. */
async function leaving() {
  const server = new FakeServer();
  const phone = await phoneOf(server).signedIn();
  const sent = await phone.household({ house: "11" });
  await phone.sync();
  server.cut = () => "before";
  const late = await phone.household({ house: "12" });
  await phone.sync();
  server.cut = () => undefined;
  return { server, phone, sent, late };
}

test("what waits when someone is moved comes for review, then the old unit is gone from the phone and the new one is shown", async () => {
  const { server, phone, late } = await leaving();
  server.moveTo("tdp-08");
  const theirs = { value: { street: "Phố Mới" }, at: "2026-05-01T01:00:00.000Z", by: "person:lan" };
  server.put({ ...(await ofTheNewUnit(server)), address: theirs } as never);
  await phone.sync();
  await moved(phone, "tdp-08");
  await phone.sync();
  expect([...server.reviewed.values()].map(({ _id }) => _id)).toEqual([late._id]);
  expect(await databases(phone.name)).toEqual(["w09562-tdp-08"]);
  expect(phone.phone.doors.value.map(({ line }) => line)).toEqual(["Phố Mới"]);
  expect(phone.counts).toEqual({ waiting: 0, accepted: 0, refused: 0 });
  expect(phone.phone.sync.value.left).toEqual({ records: 1, drafts: 0 });
  const kept = JSON.stringify(await rawRecords(phone.name));
  expect(kept).not.toContain("tdp-07");
  await phone.restart();
  await phone.sync();
  expect(phone.phone.sync.value.left).toEqual({ records: 1, drafts: 0 });
  await (await phone.phone.engine()).noteSeen();
  expect(phone.phone.sync.value.left).toBeUndefined();
  expect(server.reviewed.size).toBe(1);
});

async function ofTheNewUnit(server: FakeServer) {
  const other = await new TestPhone(server, "person:lan").signedIn();
  open.push(other);
  const made = await other.household({ street: "Phố Mới" });
  await other.sync();
  const [body] = [...(server.documents.get(made._id)?.values() ?? [])];
  return body as object;
}

test("nobody is moved under an open form: its record still goes where it was written", async () => {
  const { server, phone, late } = await leaving();
  server.moveTo("tdp-08");
  phone.phone.busy = () => true;
  await phone.sync();
  expect(phone.phone.session.value?.unit.code).toBe("tdp-07");
  const last = await phone.save();
  expect(last.unit).toBe("tdp-07");
  expect(server.reviewed.size).toBe(0);
  phone.phone.busy = () => false;
  await phone.sync();
  await moved(phone, "tdp-08");
  await phone.sync();
  expect([...server.reviewed.values()].map(({ _id }) => _id).sort()).toEqual([late._id, last._id].sort());
});

test("forms half filled in for the old unit are given up, and that is said", async () => {
  const { server, phone } = await leaving();
  phone.phone.drafts.save("visit:household:1", { note: "dở" });
  server.moveTo("tdp-08");
  await phone.sync();
  await moved(phone, "tdp-08");
  await phone.sync();
  expect(phone.phone.sync.value.left).toEqual({ records: 1, drafts: 1 });
  expect(await phone.phone.drafts.get("visit:household:1")).toBeUndefined();
});

test("whoever is moved back before the phone has heard of it goes on as before", async () => {
  const { server, phone, late } = await leaving();
  await phone.sync();
  expect(server.leaves(late._id)).toEqual([late._rev]);
  expect(phone.phone.doors.value).toHaveLength(2);
  expect(phone.phone.sync.value.left).toBeUndefined();
});

test("wherever the link is cut, and the app killed, every record is handed in and nothing is removed before", async () => {
  const run = async (cuts: (Cut | "kill")[]) => {
    const { server, phone, late } = await leaving();
    server.moveTo("tdp-08");
    for (const cut of cuts) {
      let left = 2; // requests that pass before the cut
      server.cut = (path) => (path.startsWith("/catalog") || left-- > 0 ? undefined : cut === "kill" ? "after" : cut);
      await phone.sync();
      if (cut === "kill") await phone.restart();
      const waits = !server.reviewed.size;
      if (waits) expect(await databases(phone.name), "removed before it was handed in").toContain("w09562-tdp-07");
    }
    server.cut = () => undefined;
    await phone.sync();
    await moved(phone, "tdp-08");
    await phone.sync();
    await phone.sync();
    expect([...server.reviewed.values()].map(({ _id }) => _id)).toEqual([late._id]);
    expect(await databases(phone.name)).toEqual(["w09562-tdp-08"]);
    await phone.phone.stop();
    open.splice(0);
  };
  const cut = fc.constantFrom<Cut | "kill">("before", "after", "kill", undefined);
  await fc.assert(fc.asyncProperty(fc.array(cut, { maxLength: 4 }), run), { numRuns: 12 });
});

test("whoever has left altogether hands in what waits, then nothing of it stays on the phone", async () => {
  const { server, phone, late } = await leaving();
  server.ended = true;
  await phone.sync();
  await expect.poll(() => phone.phone.gate.value).toBe("welcome");
  expect([...server.reviewed.values()].map(({ _id }) => _id)).toEqual([late._id]);
  await expect.poll(() => databases(phone.name)).toEqual([]);
  expect(phone.phone.sync.value.error).toBe("access-ended");
  expect(phone.phone.owners.value).toEqual([]);
});

test("access that has ended keeps what could not be handed in, and hands it in once the network is back", async () => {
  const { server, phone } = await leaving();
  server.ended = true;
  server.cut = (path) => (path.endsWith("_bulk_docs") ? "before" : undefined);
  await phone.sync();
  await expect.poll(() => phone.phone.sync.value.error).toBe("access-ended");
  await expect.poll(() => server.requests.some((one) => one.endsWith("_bulk_docs"))).toBe(true);
  expect(server.reviewed.size).toBe(0);
  expect(phone.phone.gate.value).toBe("open");
  await phone.restart();
  await phone.phone.engine();
  expect(phone.phone.doors.value).toHaveLength(2);
  server.cut = () => undefined;
  await phone.sync();
  await expect.poll(() => server.reviewed.size).toBe(1);
  await expect.poll(() => phone.phone.gate.value).toBe("welcome");
});
