/** The first sync: a unit's database in chunks, cut where it hurts. */
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { Cipher } from "../src/data/cipher";
import { FakeServer } from "./fake-server";
import { PIN, TestPhone } from "./phones";

const open: TestPhone[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.phone.stop()));
});

const created = { at: "2026-05-01T01:00:00.000Z", by: "person:lan", device: "device:01ARZ3NDEKTSV4RRFFQ69G5FAV" };

function visit(number: number, rev = "1-a", ids = ["a"], outcome = "met") {
  const record = { value: { at: created.at, outcome }, at: created.at, by: created.by };
  const _id = `visit:${String(number).padStart(26, "0")}`;
  const _revisions = { start: ids.length, ids };
  return { _id, _rev: rev, _revisions, type: "visit", schema: 1, unit: "tdp-07", household: null, created, record };
}

function filled(count: number, chunkOf: number): FakeServer {
  const server = new FakeServer();
  server.chunkOf = chunkOf;
  for (let number = 0; number < count; number++) server.put(visit(number));
  return server;
}

/** Signed in, the first sync not begun. */
async function begun(server: FakeServer): Promise<TestPhone> {
  const phone = new TestPhone(server);
  open.push(phone);
  await phone.start();
  await phone.phone.signIn("hoa", "mat-khau");
  await phone.phone.choosePin(PIN);
  return phone;
}

const asked = (server: FakeServer) => server.requests.filter((one) => one.includes("/sync/"));

test("1,200 documents come in chunks, tell how far they are, and are neither offered nor fetched again", async () => {
  const server = filled(1200, 500);
  const phone = await begun(server);
  const progress: unknown[] = [];
  const told: { bytes: number; left: number }[] = [];
  phone.phone.sync.subscribe((state) => state.progress && progress.push(`${state.progress.done}/${state.progress.total}`) && told.push(state.progress));
  await phone.sync();
  expect(told.map(({ bytes }) => bytes)).toEqual([...told.map(({ bytes }) => bytes)].sort((a, b) => a - b));
  expect(told.at(-1)?.bytes).toBeGreaterThan(100_000);
  expect(told[0]?.left).toBeGreaterThan(0);
  expect(told.at(-1)?.left).toBe(0);
  expect(phone.phone.visitLines.value).toHaveLength(1200);
  expect([...new Set(progress)]).toEqual(["500/1200", "1000/1200", "1200/1200"]);
  expect(phone.counts).toEqual({ waiting: 0, accepted: 0, refused: 0 });
  expect(asked(server)).toHaveLength(3 + 1); // and what came since, which is nothing
  await phone.sync();
  await phone.restart();
  await phone.sync();
  expect(asked(server)).toHaveLength(3 + 1);
  expect(server.arrivals.size).toBe(0);
});

test("what has come is shown without reading it back from the disk, which costs a cheap phone most", async () => {
  const phone = await begun(filled(20, 6));
  const opened = vi.spyOn(Cipher.prototype, "open");
  onTestFinished(() => opened.mockRestore());
  await phone.sync();
  expect(phone.phone.visitLines.value).toHaveLength(20);
  expect(opened).not.toHaveBeenCalled();
});

test("both sides of a conflict come with the first sync, the winner is shown, and only what changed later is fetched", async () => {
  const server = filled(3, 2);
  server.put(visit(1, "2-b", ["b", "a"], "refused"));
  server.put(visit(1, "2-c", ["c", "a"], "absent"));
  const phone = await begun(server);
  await phone.sync();
  expect(phone.phone.visitLines.value).toHaveLength(3);
  expect(phone.phone.visitLines.value.map(({ outcome }) => outcome).sort()).toEqual(["absent", "met", "met"]);
  server.put(visit(2, "2-d", ["d", "a"], "absent"));
  await phone.sync();
  expect(asked(server).slice(-2)).toEqual(["GET /sync/w09562-tdp-07/_changes", "POST /sync/w09562-tdp-07/_bulk_get"]);
  expect(phone.phone.visitLines.value.filter(({ outcome }) => outcome === "absent")).toHaveLength(2);
});

test.each([0, 1, 2, 3, 4])("cut at chunk %i, it goes on after the last whole one, also after a restart", async (at) => {
  const server = filled(10, 2);
  const phone = await begun(server);
  let count = 0;
  server.cut = (path) => (path.endsWith("_snapshot") && count++ === at ? "after" : undefined);
  await phone.sync();
  expect(phone.phone.sync.value).toMatchObject({ phase: "failed", error: "unreachable" });
  expect(phone.phone.visitLines.value).toHaveLength(2 * at);
  await phone.restart();
  server.requests.length = 0;
  await phone.sync();
  expect(phone.phone.visitLines.value).toHaveLength(10);
  expect(phone.counts).toEqual({ waiting: 0, accepted: 0, refused: 0 });
  expect(asked(server)).toHaveLength(5 - at + 1);
  expect(server.arrivals.size).toBe(0);
});

test("what came since is asked for while the last chunk is still on its way, which spares a wait on a slow link", async () => {
  const server = filled(3, 10);
  const made = await server.fetchFor("person:hoa")("/sync/w09562-tdp-07/_snapshot?since=0", { method: "GET" });
  const bytes = new Uint8Array(await made.arrayBuffer());
  let asked: () => void = () => undefined;
  const changesAsked = new Promise<void>((resolve) => (asked = resolve));
  const start = async (to: ReadableStreamDefaultController) => {
    await changesAsked;
    to.enqueue(bytes);
    to.close();
  };
  server.answers = (path) => {
    if (path.endsWith("_changes")) asked();
    return path.endsWith("_snapshot") ? new Response(new ReadableStream({ start }), { headers: made.headers }) : undefined;
  };
  const phone = await begun(server);
  await phone.sync();
  expect(phone.phone.visitLines.value).toHaveLength(3);
  expect(phone.phone.sync.value).toMatchObject({ phase: "idle", waiting: 0 });
});

test("what changed after a chunk was made, which may be half a minute old, comes with the same sync", async () => {
  const server = filled(3, 10);
  const made = await (await server.fetchFor("person:hoa")("/sync/w09562-tdp-07/_snapshot?since=0", { method: "GET" })).text();
  server.put(visit(3, "1-a", ["a"]));
  server.answers = (path) => (path.endsWith("_snapshot") ? new Response(made) : undefined);
  const phone = await begun(server);
  await phone.sync();
  expect(phone.phone.visitLines.value).toHaveLength(4);
});

test("half a chunk counts for nothing", async () => {
  const server = filled(4, 10);
  const phone = await begun(server);
  server.answers = (path) => (path.endsWith("_snapshot") ? new Response('{"docs":[{"_id":"visit:0') : undefined);
  await phone.sync();
  expect(phone.phone.sync.value).toMatchObject({ phase: "failed", error: "not-the-server" });
  expect(phone.phone.visitLines.value).toHaveLength(0);
  server.answers = () => undefined;
  await phone.sync();
  expect(phone.phone.visitLines.value).toHaveLength(4);
});

test("a record made before the first sync has ended is sent, and shown among what comes", async () => {
  const server = filled(6, 2);
  const phone = await begun(server);
  server.cut = (path) => (path.endsWith("_snapshot") ? "before" : undefined);
  const mine = await phone.save();
  await phone.sync();
  server.cut = () => undefined;
  await phone.sync();
  expect(phone.phone.visitLines.value).toHaveLength(7);
  expect(server.leaves(mine._id)).toEqual([mine._rev]);
  expect(phone.counts).toEqual({ waiting: 0, accepted: 1, refused: 0 });
});
