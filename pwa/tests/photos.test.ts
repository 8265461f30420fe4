/** Photos: sealed on the phone, sent one by one after the records, never lost by a cut and never said to be sent too early. */
import { afterEach, expect, test, vi } from "vitest";
import { isDear } from "../src/data/photos";
import { bare, toBase64 } from "../src/data/picture";
import { FakeServer, type Cut } from "./fake-server";
import { TestPhone } from "./phones";
import { rawRecords } from "./raw";

const PICTURE = { width: 1600, height: 1200, image: `/9j/${"picture".repeat(2000)}`, thumb: "/9j/thumb" };
const NOTICE = { version: "2026-11", at: "2026-05-01T01:00:00.000Z" };
const PHOTOS = "/sync/w09562-tdp-07-photos/_bulk_docs";
const RECORDS = "/sync/w09562-tdp-07/_bulk_docs";

const open: TestPhone[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  link(undefined);
  await Promise.all(open.splice(0).map((one) => one.phone.stop()));
});

async function phoneAt(server: FakeServer): Promise<TestPhone> {
  const phone = await new TestPhone(server).signedIn();
  open.push(phone);
  return phone;
}

const photosOf = async (phone: TestPhone) => (await phone.phone.engine()).openPhotos();
/** Saved, and the round that this sets off is over. */
async function take(phone: TestPhone, caption = "Ra quân"): Promise<void> {
  await (await photosOf(phone)).save(PICTURE, caption, NOTICE);
  await (await phone.phone.engine()).sync.run();
}
const states = async (phone: TestPhone) => (await photosOf(phone)).rows.value.map(({ state }) => state);
const link = (value: object | undefined) => Object.defineProperty(navigator, "connection", { value, configurable: true });

/** As long as there is no network, and afterwards. */
async function offline(server: FakeServer, work: () => Promise<void>): Promise<void> {
  server.cut = () => "before";
  await work();
  server.cut = () => undefined;
}

test("a photo taken offline waits, is sent after the records, alone in its request, and is counted until then", async () => {
  const server = new FakeServer();
  const phone = await phoneAt(server);
  await offline(server, async () => {
    await take(phone, "một");
    await take(phone, "hai");
    await phone.household({ house: "11" });
    await phone.sync();
  });
  expect(phone.phone.sync.value).toMatchObject({ waiting: 3, photos: { waiting: 2, refused: 0 } });
  server.requests.length = 0;
  await phone.sync();
  const sent = server.requests.filter((one) => one.includes("_bulk_docs"));
  expect(sent).toEqual([`POST ${RECORDS}`, `POST ${PHOTOS}`, `POST ${PHOTOS}`]);
  expect([...server.photos.values()].map(({ caption, notice, unit }) => ({ caption, notice, unit }))).toEqual([
    { caption: "một", notice: NOTICE, unit: "tdp-07" },
    { caption: "hai", notice: NOTICE, unit: "tdp-07" },
  ]);
  expect(await states(phone)).toEqual(["accepted", "accepted"]);
  expect(phone.counts).toEqual({ waiting: 0, accepted: 1, refused: 0 });
});

test("nothing of a photo lies in the clear on the phone", async () => {
  const server = new FakeServer();
  const phone = await phoneAt(server);
  await offline(server, () => take(phone, "Chú thích riêng"));
  const raw = JSON.stringify(await rawRecords(phone.name));
  expect(raw).not.toContain("Chú thích riêng");
  expect(raw).not.toContain("picturepicture");
  expect(raw).not.toContain("/9j/");
});

const WAYS: Exclude<Cut, undefined>[] = ["before", "after"];
test.each(WAYS.flatMap((way) => [0, 1, 2, 3, 4, 5, 6].map((at) => [way, at] as const)))(
  "a link cut %s the server acts, at request %i, costs no photo and is never called sent",
  async (way, at) => {
    const server = new FakeServer();
    const phone = await phoneAt(server);
    await offline(server, async () => {
      for (const caption of ["một", "hai", "ba"]) await take(phone, caption);
      await phone.save();
    });
    let left = at;
    let cut = false;
    server.cut = (path) => {
      if (cut || (path === PHOTOS ? left-- : left--) > 0) return undefined;
      cut = true;
      return way;
    };
    await phone.sync();
    const unanswered = (await states(phone)).filter((state) => state === "waiting").length;
    expect(phone.phone.sync.value.waiting).toBeGreaterThanOrEqual(unanswered);
    expect(server.photos.size).toBeGreaterThanOrEqual(3 - unanswered);
    server.cut = () => undefined;
    await phone.restart();
    await phone.sync();
    expect([...server.photos.values()].map(({ caption }) => caption).sort()).toEqual(["ba", "hai", "một"]);
    expect(await states(phone)).toEqual(["accepted", "accepted", "accepted"]);
    const twice = [...server.arrivals].filter(([mark, count]) => mark.startsWith("photo:") && count > 1);
    expect(twice.length, "a cut costs one photo at most").toBeLessThanOrEqual(1);
  },
);

test("a refused photo is kept with its reason, and the others go on", async () => {
  const server = new FakeServer();
  const phone = await phoneAt(server);
  server.refuses = (one) => one.caption === "có nơi chụp";
  await offline(server, async () => {
    await take(phone, "có nơi chụp");
    await take(phone, "sạch");
  });
  await phone.sync();
  const photos = await photosOf(phone);
  const [clean, refused] = photos.rows.value;
  expect([clean?.state, refused?.state, refused?.receipt.reason]).toEqual(["accepted", "refused", "Còn kèm nơi chụp"]);
  expect(await photos.picture(refused?.id ?? "")).toBe(PICTURE.image);
  expect(phone.phone.sync.value).toMatchObject({ waiting: 0, refused: 1, photos: { refused: 1 } });
  await photos.discard(refused?.id ?? "");
  expect(phone.phone.sync.value.refused).toBe(0);
  await phone.restart();
  expect(await states(phone)).toEqual(["accepted"]);
});

test("what the ward took in after all is accepted", async () => {
  const server = new FakeServer();
  const phone = await phoneAt(server);
  server.refuses = () => true;
  await take(phone);
  await phone.sync();
  const [row] = (await photosOf(phone)).rows.value;
  server.outcomes.push({ id: row?.id ?? "", rev: row?.rev ?? "", outcome: "accepted", at: "2026-05-02T01:00:00.000Z", accepted: "2-abc" });
  await phone.sync();
  expect(await states(phone)).toEqual(["accepted"]);
  expect(phone.phone.sync.value.refused).toBe(0);
});

test.each([
  [undefined, false],
  [{}, false],
  [{ type: "wifi", effectiveType: "4g" }, false],
  [{ type: "cellular", effectiveType: "4g" }, true],
  [{ saveData: true }, true],
  [{ effectiveType: "2g" }, true],
  [{ type: "wifi", effectiveType: "2g" }, false],
  [{ effectiveType: "3g" }, false],
])("a link that tells %j of itself is dear: %j", (told, dear) => {
  expect(isDear(told as never)).toBe(dear);
});

test("over a dear link photos wait until someone says that they may go, and records do not wait with them", async () => {
  link(Object.assign(new EventTarget(), { type: "cellular" }));
  const server = new FakeServer();
  const phone = await phoneAt(server);
  await take(phone);
  await phone.save();
  await phone.sync();
  expect([server.photos.size, phone.phone.sync.value.waiting]).toEqual([0, 1]);
  expect(phone.phone.sync.value.photos).toEqual({ waiting: 1, refused: 0, held: true });
  await phone.restart();
  await (await photosOf(phone)).allowAnywhere(true);
  await phone.sync();
  expect(server.photos.size).toBe(1);
  await phone.restart();
  expect((await photosOf(phone)).anywhere.value).toBe(true);
});

test("a record that is saved meanwhile goes before the next photo", async () => {
  const server = new FakeServer();
  const phone = await phoneAt(server);
  await offline(server, async () => {
    await take(phone, "một");
    await take(phone, "hai");
  });
  server.requests.length = 0;
  server.during = async () => {
    server.during = async () => undefined;
    await phone.save();
  };
  await phone.sync();
  expect(server.photos.size).toBe(1);
  await phone.sync();
  const sent = server.requests.filter((one) => one.includes("_bulk_docs"));
  expect(sent).toEqual([`POST ${PHOTOS}`, `POST ${RECORDS}`, `POST ${PHOTOS}`]);
});

test("locking gives up the photo that is on its way, and it goes again whole", async () => {
  const server = new FakeServer();
  const phone = await phoneAt(server);
  await offline(server, () => take(phone));
  let begun: () => void = () => undefined;
  const uploading = new Promise<void>((resolve) => (begun = resolve));
  server.during = () => (begun(), new Promise(() => undefined));
  const round = phone.sync();
  await uploading;
  await phone.phone.lock();
  await round;
  server.during = async () => undefined;
  await phone.restart();
  await phone.sync();
  expect(server.photos.size).toBe(1);
}, 10_000);

test("nobody is signed out while a photo waits", async () => {
  const server = new FakeServer();
  const phone = await phoneAt(server);
  link({ type: "cellular" });
  await take(phone);
  await phone.sync();
  expect(await phone.phone.signOut()).toEqual({ ok: false, waiting: 1, error: "waiting" });
});

test("photos of a unit that was left come for review, then nothing of them is on the phone", async () => {
  const server = new FakeServer();
  const phone = await phoneAt(server);
  await offline(server, () => take(phone));
  server.moveTo("tdp-08");
  await phone.sync();
  await expect.poll(() => phone.phone.session.value?.unit.code).toBe("tdp-08");
  await phone.sync();
  expect([...server.reviewed.values()].map(({ caption }) => caption)).toEqual(["Ra quân"]);
  expect(phone.phone.sync.value.left).toEqual({ records: 1, drafts: 0 });
  const names = (await indexedDB.databases()).map(({ name = "" }) => name).filter((name) => name.includes(`${phone.name}-`));
  expect(names.filter((name) => name.includes("tdp-07"))).toEqual([]);
  expect(JSON.stringify(await rawRecords(phone.name))).not.toContain("tdp-07");
});

test("photos of the present unit stay when the phone looks for units that were left", async () => {
  const server = new FakeServer();
  const phone = await phoneAt(server);
  link({ type: "cellular" });
  await take(phone);
  await phone.sync();
  await phone.sync();
  expect([await states(phone), server.reviewed.size]).toEqual([["waiting"], 0]);
});

test("a phone that was reported lost keeps no photo, sent or not", async () => {
  const server = new FakeServer();
  const phone = await phoneAt(server);
  await offline(server, () => take(phone));
  server.answers = (path) => (path === "/api/hello" ? Response.json({ error: "device-lost", reason: "" }, { status: 401 }) : undefined);
  await phone.sync();
  await expect.poll(async () => (await indexedDB.databases()).filter(({ name = "" }) => name.includes(`_pouch_${phone.name}-`))).toEqual([]);
});

test.each([
  [1_000_000, "none"],
  [30_000_000, "little"],
  [900_000_000, "enough"],
])("with %i bytes left there is %s room for a photo", async (left, room) => {
  const phone = await phoneAt(new FakeServer());
  const storage = { estimate: async () => ({ quota: left, usage: 0 }), persisted: async () => true, persist: async () => true };
  Object.defineProperty(navigator, "storage", { value: storage, configurable: true });
  try {
    expect(await (await photosOf(phone)).room()).toBe(room);
  } finally {
    Object.defineProperty(navigator, "storage", { value: undefined, configurable: true });
  }
});

test("a photo for which the disk has no room is not called saved, and records go on", async () => {
  const server = new FakeServer();
  const phone = await phoneAt(server);
  const photos = await photosOf(phone);
  const put = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(() => {
    throw new DOMException("no room", "QuotaExceededError");
  });
  await expect(photos.save(PICTURE, "", NOTICE)).rejects.toMatchObject({ code: "storage-full" });
  put.mockRestore();
  expect(await states(phone)).toEqual([]);
  await phone.save();
  await phone.sync();
  expect(phone.counts).toEqual({ waiting: 0, accepted: 1, refused: 0 });
});

test("two tabs show the same photos, and the server has each once", async () => {
  const server = new FakeServer();
  const one = await phoneAt(server);
  const two = await new TestPhone(server, "person:hoa", undefined, one.name).start();
  open.push(two);
  await offline(server, () => take(one));
  await (await two.phone.engine()).refresh();
  expect(await states(two)).toEqual(["waiting"]);
  expect(two.phone.sync.value.waiting).toBe(1);
  await Promise.all([one.sync(), two.sync()]);
  await (await two.phone.engine()).refresh();
  expect([await states(one), await states(two)]).toEqual([["accepted"], ["accepted"]]);
  expect(server.photos.size).toBe(1);
});

test("a photo that the browser threw away before it was sent is said to be lost", async () => {
  const server = new FakeServer();
  const phone = await phoneAt(server);
  link({ type: "cellular" });
  await take(phone);
  await phone.phone.stop();
  const [name = ""] = (await indexedDB.databases()).flatMap(({ name: one = "" }) => (one.includes(phone.name) && one.endsWith("-photos") ? [one] : []));
  await new Promise<void>((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });
  await phone.start();
  expect(await states(phone)).toEqual(["lost"]);
});

test("a restored server is given again what it lacks", async () => {
  const server = new FakeServer();
  const phone = await phoneAt(server);
  await take(phone);
  await phone.sync();
  server.photos.clear();
  server.lose();
  await phone.sync();
  expect(server.photos.size).toBe(1);
  expect(await states(phone)).toEqual(["accepted"]);
});

test("a week after the server has it the picture goes, and its row stays; it is not offered as deleted", async () => {
  const server = new FakeServer();
  const clock = { ahead: 0 };
  const phone = new TestPhone(server, "person:hoa", () => Date.parse("2026-05-01T02:00:00.000Z") + clock.ahead);
  open.push(phone);
  await phone.signedIn();
  await take(phone);
  await phone.sync();
  const [row] = (await photosOf(phone)).rows.value;
  clock.ahead = 9 * 86_400_000;
  await phone.restart();
  const photos = await photosOf(phone);
  expect(photos.rows.value.map(({ state, dropped, thumb }) => ({ state, dropped, thumb }))).toEqual([{ state: "accepted", dropped: true, thumb: PICTURE.thumb }]);
  expect(await photos.picture(row?.id ?? "")).toBeUndefined();
  await phone.sync();
  expect([...server.photos.keys()]).toEqual([row?.id]);
  expect(phone.counts).toMatchObject({ waiting: 0 });
});

test("whoever takes a photo back takes it from the server, too, and not without a network", async () => {
  const server = new FakeServer();
  const phone = await phoneAt(server);
  await take(phone);
  await phone.sync();
  const photos = await photosOf(phone);
  const [row] = photos.rows.value;
  await offline(server, () => expect(photos.discard(row?.id ?? "")).rejects.toThrow());
  expect(await states(phone)).toEqual(["accepted"]);
  await photos.discard(row?.id ?? "");
  expect([server.photos.size, photos.rows.value.length]).toEqual([0, 0]);
});

test("a caption with a number of an identity card is not saved", async () => {
  const phone = await phoneAt(new FakeServer());
  await expect(take(phone, "Ông 001203004567")).rejects.toMatchObject({ code: "id-number" });
  expect(await states(phone)).toEqual([]);
});

test("only what a decoder needs is left of a JPEG", () => {
  const segment = (marker: number, body: number[]) => [0xff, marker, 0, body.length + 2, ...body];
  const head = [0xff, 0xd8, ...segment(0xe0, [0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0])];
  const [place, profile, comment] = [segment(0xe1, [69, 120, 105, 102]), segment(0xe2, [1, 2]), segment(0xfe, [60, 115])];
  const rest = [...segment(0xdb, [0]), ...segment(0xda, [1]), 0x12, 0xff, 0, 0xff, 0xe1, 0xff, 0xd9];
  const made = bare(Uint8Array.from([...head, ...place, ...profile, ...comment, ...rest]));
  expect(toBase64(made)).toBe(toBase64(Uint8Array.from([...head, ...rest])));
});
