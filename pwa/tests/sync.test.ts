import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { FakeServer } from "./fake-server";
import { PIN, TestPhone } from "./phones";

const open: TestPhone[] = [];
async function signedIn(server: FakeServer, person?: string): Promise<TestPhone> {
  const phone = await new TestPhone(server, person).signedIn();
  open.push(phone);
  return phone;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.phone.stop()));
});

test("a visit saved without a network waits, and reaches the server when there is one", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  server.cut = () => "before";
  const visit = await phone.save();
  await phone.sync();
  expect(phone.counts).toEqual({ waiting: 1, accepted: 0, refused: 0 });
  expect(phone.phone.sync.value).toMatchObject({ phase: "failed", error: "unreachable" });
  server.cut = () => undefined;
  await phone.sync();
  expect(server.leaves(visit._id)).toEqual([visit._rev]);
  expect(phone.counts).toEqual({ waiting: 0, accepted: 1, refused: 0 });
});

test("what waits is known again after a restart, before anything is sent", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  server.cut = () => "before";
  await phone.save();
  await phone.restart();
  expect(phone.counts).toBe("not counted");
  await phone.phone.engine();
  expect(phone.counts).toEqual({ waiting: 1, accepted: 0, refused: 0 });
  expect(phone.phone.visitLines.value).toMatchObject([{ state: "waiting" }]);
});

test("an answer that is lost on the way leaves the record waiting, and sending again makes no second one", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  const visit = await phone.save();
  server.cut = (path) => (path.endsWith("_bulk_docs") ? "after" : undefined);
  await phone.sync();
  expect(phone.counts).toEqual({ waiting: 1, accepted: 0, refused: 0 });
  server.cut = () => undefined;
  await phone.sync();
  expect(server.leaves(visit._id)).toEqual([visit._rev]);
  expect(phone.counts).toEqual({ waiting: 0, accepted: 1, refused: 0 });
});

test("a visit amended while its first text is being sent still waits afterwards, then arrives", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  const visit = await phone.save({}, { note: "một" });
  const seen: unknown[] = [];
  const stop = phone.phone.sync.subscribe((state) => seen.push(state.waiting));
  server.during = async () => {
    server.during = async () => undefined;
    await phone.save({ id: visit._id }, { note: "hai" });
    seen.length = 0;
  };
  await phone.sync();
  stop();
  const [leaf] = server.leaves(visit._id);
  expect(server.documents.get(visit._id)?.get(leaf ?? "")).toMatchObject({
    record: { value: { note: "hai" } },
    history: [{ field: "record", value: { note: "một" } }],
  });
  expect(seen.indexOf(0)).toBe(seen.findIndex((_, at) => seen.slice(at).every((count) => count === 0)));
  expect(phone.counts).toEqual({ waiting: 0, accepted: 1, refused: 0 });
});

test("what the ward decided is asked for once, shown, kept over a restart, and gone with the next edit", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  server.refuses = () => true;
  const returned = (await phone.save()) as { _id: string; _rev: string };
  const accepted = (await phone.save()) as { _id: string; _rev: string };
  await phone.sync();
  const asked = () => server.requests.filter((one) => one === "GET /api/outcomes").length;
  await phone.sync();
  expect(asked()).toBe(0);
  const at = "2026-05-03T02:00:00.000Z";
  const successor = `2-${"b".repeat(32)}`;
  server.outcomes.push({ id: returned._id, rev: returned._rev, outcome: "returned", at, message: "Ghi rõ giúp ai." });
  server.outcomes.push({ id: accepted._id, rev: accepted._rev, outcome: "accepted", at, accepted: successor });
  server.put({ ...accepted, _rev: successor, _revisions: { start: 2, ids: [successor.slice(2), accepted._rev.slice(2)] } });
  await phone.sync();
  await phone.sync();
  await phone.restart();
  await phone.sync();
  expect(asked()).toBeLessThanOrEqual(2); // the one refused record less is news, too
  expect(phone.counts).toEqual({ waiting: 0, accepted: 1, refused: 1 });
  const engine = await phone.phone.engine();
  expect(await engine.refusedList()).toMatchObject([{ receipt: { outcome: { state: "returned", at, message: "Ghi rõ giúp ai." } } }]);
  server.refuses = () => false;
  await phone.save({ id: returned._id }, { note: "giúp bà Hai" });
  await phone.sync();
  expect(phone.counts).toEqual({ waiting: 0, accepted: 2, refused: 0 });
});

test("a server without room for more refused records keeps nothing behind them from being sent", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  for (let n = 0; n < 251; n++) await phone.save();
  let first = true;
  server.answers = (path) => {
    if (!path.endsWith("_bulk_docs") || !first) return undefined;
    first = false;
    return Response.json({ error: "too-many-refused", reason: "" }, { status: 503 });
  };
  await phone.sync();
  expect(phone.phone.sync.value).toMatchObject({ phase: "failed", error: "too-many-refused" });
  expect(server.arrivals.size).toBe(1);
  await phone.sync();
  expect(phone.counts).toEqual({ waiting: 0, accepted: 251, refused: 0 });
});

test("a server without room for more refused records still tells what is new", async () => {
  const server = new FakeServer();
  const [phone, other] = [await signedIn(server), await signedIn(server, "person:lan")];
  await phone.sync();
  await other.household({ house: "77" });
  await other.sync();
  const { _rev = "", ...visit } = await phone.save();
  server.answers = (path) =>
    path.endsWith("_bulk_docs") ? Response.json({ error: "too-many-refused", reason: "" }, { status: 503 }) : undefined;
  server.put({ ...visit, _rev, _revisions: { start: 1, ids: [_rev.slice(2)] } }); // good ones of a batch are stored all the same
  await phone.sync();
  expect(phone.phone.sync.value).toMatchObject({ phase: "failed", error: "too-many-refused" });
  expect(phone.phone.doors.value).toMatchObject([{ line: "77" }]);
  expect(phone.counts).toEqual({ waiting: 0, accepted: 1, refused: 0 });
});

test("a refused document stays on the phone with its reason, is not sent again, and leaves the list when amended", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  server.refuses = () => true;
  const visit = await phone.save();
  const other = await phone.save();
  await phone.sync();
  await phone.restart();
  await phone.sync();
  expect(phone.counts).toEqual({ waiting: 0, accepted: 0, refused: 2 });
  expect(server.arrivals.get(`${visit._id} ${visit._rev}`)).toBe(1);
  const list = await (await phone.phone.engine()).refusedList();
  expect(list).toHaveLength(2);
  expect(list[0]).toMatchObject({ receipt: { state: "refused", code: "not-yours", reason: "Không phải của tổ" }, document: { type: "visit" } });
  server.refuses = () => false;
  await phone.save({ id: other._id }, { note: "sửa lại" });
  expect(phone.counts).toMatchObject({ waiting: 1 });
  await phone.sync();
  expect(phone.counts).toEqual({ waiting: 0, accepted: 1, refused: 1 });
});

test.each([1, 60])("nothing new costs one request of at most 300 bytes, with all that a phone reports, at %i documents", async (count) => {
  const storage = { estimate: async () => ({ quota: 64_123_456_789, usage: 1_234_567 }), persisted: async () => false };
  Object.defineProperty(navigator, "storage", { value: storage, configurable: true });
  onTestFinished(() => void Reflect.deleteProperty(navigator, "storage"));
  const server = new FakeServer();
  const phone = await signedIn(server);
  for (let n = 0; n < count; n++) await phone.save();
  await phone.sync();
  await phone.sync();
  server.requests.length = server.bodies.length = 0;
  await phone.sync();
  expect(server.requests).toEqual(["POST /api/hello"]);
  const body = server.bodies[0]?.body as Record<string, unknown>;
  expect(body).toEqual({
    clock: expect.stringMatching(/^\d{4}-.*Z$/),
    app: expect.stringMatching(/^[0-9A-Za-z.+-]{1,32}$/),
    mark: expect.any(String),
    waiting: 0,
    accepted: count,
    refused: 0,
    storage_left: 64_122_222_222,
    persisted: false,
  });
  expect(JSON.stringify({ ...body, accepted: 9_999_999, last_error: "too-many-refused" }).length).toBeLessThanOrEqual(300);
});

test("a round that failed is told with the next greeting, by its code, and no more once it went well", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  await phone.sync();
  await phone.save();
  server.cut = (path) => (path.endsWith("_bulk_docs") ? "before" : undefined);
  await phone.sync();
  server.cut = () => undefined;
  server.bodies.length = 0;
  await phone.sync();
  await phone.sync();
  const greetings = server.bodies.filter(({ path }) => path === "/api/hello").map(({ body }) => body as Record<string, unknown>);
  expect(greetings).toMatchObject([{ waiting: 1, last_error: "unreachable" }, { waiting: 0 }]);
  expect(greetings[1]).not.toHaveProperty("last_error");
});

test("a refused record that the ward has set aside is reported no more, and stays on the phone", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  server.refuses = () => true;
  await phone.save();
  await phone.sync();
  const [one] = await (await phone.phone.engine()).refusedList();
  const { id = "", rev = "" } = one?.receipt ?? {};
  server.outcomes.push({ id, rev, outcome: "set-aside", at: "2026-05-01T03:00:00.000Z", message: "Trùng." });
  server.bodies.length = 0;
  await phone.sync();
  await phone.sync();
  const greetings = server.bodies.filter(({ path }) => path === "/api/hello");
  expect(greetings.map(({ body }) => (body as { refused: number }).refused)).toEqual([1, 0]);
  expect(phone.counts).toMatchObject({ refused: 1 });
});

test("a hello that only tells what is fresh leaves the rest of the session as it was", async () => {
  const phone = await signedIn(new FakeServer());
  await phone.sync();
  await phone.restart();
  await phone.sync();
  expect(phone.phone.session.value).toMatchObject({
    unit: { code: "tdp-07" },
    members: { "person:hoa": "Nguyễn Thị Hoa" },
  });
});

test("two phones of one unit see each other's records and count only their own as sent", async () => {
  const server = new FakeServer();
  const [one, two] = [await signedIn(server), await signedIn(server, "person:lan")];
  const door = await one.household({ house: "12", lane: "ngõ 3" });
  await one.save({ household: door._id }, { outcome: "absent" });
  await one.sync();
  await two.sync();
  expect(two.phone.doors.value).toMatchObject([{ line: "12 ngõ 3", last: { outcome: "absent" }, state: "accepted" }]);
  expect(two.counts).toEqual({ waiting: 0, accepted: 0, refused: 0 });
  server.requests.length = 0;
  await two.restart();
  await two.sync();
  expect(server.requests).toEqual(["POST /api/hello"]);
});

test("what was pulled is never offered back, not even after a cut between receipt and writing", async () => {
  const server = new FakeServer();
  const [one, two] = [await signedIn(server), await signedIn(server)];
  for (let count = 0; count < 5; count++) await one.save();
  await one.sync();
  server.cut = (path) => (path.endsWith("_bulk_get") ? "after" : undefined);
  await two.sync();
  server.cut = () => undefined;
  await two.restart();
  await two.sync();
  expect(two.phone.visitLines.value).toHaveLength(5);
  expect([...server.arrivals.values()]).toEqual([1, 1, 1, 1, 1]);
});

test("a person who is signed out keeps recording, and everything goes once they sign in again", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  server.answers = (path) => (path === "/api/hello" ? Response.json({ error: "signed-out", reason: "" }, { status: 401 }) : undefined);
  await phone.save();
  await phone.sync();
  expect(phone.phone.sync.value).toMatchObject({ phase: "signed-out", waiting: 1 });
  await phone.save();
  server.answers = () => undefined;
  await phone.phone.signIn("hoa", "mat-khau");
  await phone.phone.choosePin(PIN);
  await phone.sync();
  expect(phone.counts).toEqual({ waiting: 0, accepted: 2, refused: 0 });
});

test("signing out with unsent records is not done", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  await phone.save();
  expect(await phone.phone.signOut()).toEqual({ ok: false, waiting: 1, error: "waiting" });
  await phone.sync();
  expect(await phone.phone.signOut()).toEqual({ ok: true });
  expect(phone.phone.session.value).toBeNull();
});

test("a record saved while the server is being told of the sign-out is not thrown away", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  let saving: Promise<unknown> | undefined;
  const encrypt = crypto.subtle.encrypt.bind(crypto.subtle);
  const slow = vi.spyOn(crypto.subtle, "encrypt").mockImplementation(async (...all) => {
    await new Promise((resolve) => setTimeout(resolve, 50)); // as on a cheap phone
    return encrypt(...all);
  });
  onTestFinished(() => slow.mockRestore());
  server.answers = (path) => {
    if (path === "/api/sign-out") saving = phone.save();
    return path === "/api/sign-out" ? new Response(null, { status: 204 }) : undefined;
  };
  const answer = await phone.phone.signOut();
  await saving;
  expect(answer).toEqual({ ok: false, waiting: 1, error: "waiting" });
  expect(phone.phone.session.value).not.toBeNull();
  server.answers = () => undefined;
  await phone.sync();
  expect(phone.counts).toMatchObject({ waiting: 0, refused: 0 });
  expect(server.documents.size).toBe(1);
});

test("a busy server, a Wi-Fi sign-in page and a half-accepted write are no acknowledgement", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  await phone.save();
  const tries: [Response, string][] = [
    [Response.json({ error: "store-unreachable", reason: "" }, { status: 503 }), "server-busy"],
    [new Response("<html>Wi-Fi</html>", { status: 200 }), "not-the-server"],
    [Response.json([], { status: 202, headers: { "X-GTN-Time": "2026-05-01T01:02:03.004Z" } }), "not-the-server"],
    [Response.json([], { status: 201 }), "not-the-server"],
  ];
  for (const [response, error] of tries) {
    server.answers = (path) => (path.endsWith("_bulk_docs") ? response : undefined);
    await phone.sync();
    expect(phone.phone.sync.value).toMatchObject({ phase: "failed", error, waiting: 1, accepted: 0 });
  }
});

test("a request that is too large is halved until it passes", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  for (let count = 0; count < 7; count++) await phone.save();
  let refusals = 2;
  server.answers = (path) =>
    path.endsWith("_bulk_docs") && refusals-- > 0 ? Response.json({ error: "too-large", reason: "" }, { status: 413 }) : undefined;
  await phone.sync();
  expect(phone.counts).toEqual({ waiting: 0, accepted: 7, refused: 0 });
});

test("after a restored backup the phone sends again what the server lacks", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  const visit = await phone.save();
  await phone.sync();
  server.lose();
  await phone.sync();
  expect(server.leaves(visit._id)).toEqual([visit._rev]);
  expect(phone.counts).toEqual({ waiting: 0, accepted: 1, refused: 0 });
});

test("what was sent before a first sync that was cut is sent again after a restored backup, too", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  await phone.restart(); // an empty database: its first sync begins anew
  const visit = await phone.save();
  server.cut = (path) => (/_snapshot|_changes/.test(path) ? "before" : undefined);
  await phone.sync();
  expect(phone.counts).toMatchObject({ waiting: 0, accepted: 1 });
  server.cut = () => undefined;
  server.lose();
  await phone.sync();
  expect(server.leaves(visit._id)).toEqual([visit._rev]);
});

test("the time of the last sync is known after a restart", async () => {
  const phone = await signedIn(new FakeServer());
  const { last } = phone.phone.sync.value;
  await phone.restart();
  expect(phone.phone.sync.value.last).toBe(last);
});

test("a second tab shows and counts what the first one saved", async () => {
  const first = await signedIn(new FakeServer());
  const second = new TestPhone(first.server, "person:hoa", undefined, first.name);
  open.push(second);
  await second.start();
  await second.phone.engine();
  await first.save();
  await vi.waitFor(() => expect(second.counts).toEqual({ waiting: 1, accepted: 0, refused: 0 }));
  expect(second.phone.visitLines.value).toHaveLength(1);
  await first.sync();
  await vi.waitFor(() => expect(second.counts).toEqual({ waiting: 0, accepted: 1, refused: 0 }));
});

test("many records go up compressed, in one piece where the link is quick", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  for (let door = 0; door < 60; door++) await phone.save({}, { note: `Cửa số ${door}: ${"hẹn con về cài giúp ".repeat(60)}` });
  await phone.sync();
  expect(server.packed).toEqual(["/sync/w09562-tdp-07/_bulk_docs"]);
  expect(server.arrivals.size).toBe(60);
});

test("what a link does not carry is tried in smaller and smaller pieces, and nothing is left behind", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  for (let door = 0; door < 60; door++) await phone.save({}, { note: `Cửa số ${door}: ${"hẹn con về cài giúp ".repeat(60)}` });
  server.cut = (path) => (path.endsWith("_bulk_docs") ? "before" : undefined);
  for (let round = 0; round < 4; round++) await phone.sync();
  server.cut = () => undefined;
  server.bodies.length = 0;
  await phone.sync();
  const pushes = server.bodies.filter(({ path }) => path.endsWith("_bulk_docs"));
  expect(JSON.stringify(pushes[0]?.body).length).toBeLessThan(36_000);
  expect(pushes.length).toBeGreaterThan(1);
  expect(server.arrivals.size).toBe(60);
  expect(phone.counts).toEqual({ waiting: 0, accepted: 60, refused: 0 });
});

const ofAProxy = (status: number) => new Response(`<h1>${status}</h1>`, { status, headers: { "Content-Type": "text/html" } });

test.each([400, 413, 415])("a proxy's own %i, in which our server has no part, refuses no record", async (status) => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  await phone.save();
  server.answers = (path) => (path.endsWith("_bulk_docs") ? ofAProxy(status) : undefined);
  await phone.sync();
  expect(phone.counts).toEqual({ waiting: 1, accepted: 0, refused: 0 });
  server.answers = () => undefined;
  await phone.sync();
  expect(phone.counts).toEqual({ waiting: 0, accepted: 1, refused: 0 });
});

test("a proxy that asks for a sign-in of its own ends no session: the phone tries again by itself", async () => {
  const server = new FakeServer();
  const phone = await signedIn(server);
  server.answers = () => ofAProxy(401);
  await phone.sync();
  expect(phone.phone.sync.value.phase).toBe("failed");
  expect(phone.phone.sync.value.nextTry).toBeDefined();
});
