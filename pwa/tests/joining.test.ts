/** An invitation opens this phone once, whatever happens to the answer; a lost phone keeps nothing. */
import { afterEach, describe, expect, test } from "vitest";
import { chromeAddress } from "../src/app/chrome";
import { isInsideAnother } from "../src/app/inside-another";
import { mustInstallFirst } from "../src/app/installing";
import { hasLookalike, isWhole, readCode, showCode } from "../src/app/invitation-code";
import { FakeServer } from "./fake-server";
import { NAM, PIN, TestPhone } from "./phones";

const open: TestPhone[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.phone.stop();
});

async function newPhone(server: FakeServer): Promise<TestPhone> {
  const one = await new TestPhone(server).start();
  open.push(one);
  return one;
}

describe("codes", () => {
  test("are read however they are typed", () => {
    expect(readCode(" abcd-efgh ")).toBe("ABCDEFGH");
    expect(readCode("ab cd 23 45 67")).toBe("ABCD2345");
    expect(readCode("A0O1ICD")).toBe("ACD");
    expect(showCode("ABCDEFGH")).toBe("ABCD-EFGH");
    expect(showCode("ABC")).toBe("ABC");
    expect([isWhole("ABCDEFG"), isWhole("ABCDEFGH")]).toEqual([false, true]);
  });

  test("are found in a link that was pasted whole", () => {
    const link = "Xin mời: https://goi1.example.vn/app/#/moi/ABCD2345 ";
    expect(readCode(link)).toBe("ABCD2345");
    expect(hasLookalike(link)).toBe(false);
  });

  test("have nothing that is mistaken for something else, and whoever types it is told", () => {
    expect(["AB0D", "ABoD", "AB1D", "ABiD"].map(hasLookalike)).toEqual([true, true, true, true]);
    expect(hasLookalike("abcd-efgh LQ 27")).toBe(false);
  });
});

describe("browsers inside other apps", () => {
  const android = "Mozilla/5.0 (Linux; Android 12; SM-A035F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36";
  const view = "Mozilla/5.0 (Linux; Android 12; SM-A035F Build/RKQ1.201004.002;) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0 Mobile Safari/537.36";
  const webkit = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
  test.each([
    [`${view} Zalo android/12110635 ZaloTheme/light ZaloLanguage/vi`, true],
    [`${webkit} Mobile/15E148 Zalo iOS/598 ZaloTheme/light ZaloLanguage/vn`, true],
    [`${android} Zalo/1.0`, true],
    [`${view} [FB_IAB/FB4A;FBBV/505318080;]`, true],
    [`${android} [FBAN/EMA;FBAV/400.0]`, true],
    [`${webkit} Mobile/15E148 [FBAN/MessengerForiOS;FBAV/480.0]`, true],
    [`${webkit} Mobile/15E148 Safari/604.1 Line/14.0.0`, true],
    [`${webkit} Mobile/15E148 Instagram 300.0`, true],
    [`${webkit} Mobile/15E148 musical_ly_33.1.0 BytedanceWebview/d8a21c6`, true],
    ["Mozilla/5.0 (Linux; Android 12; SM-A035F; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0 Mobile Safari/537.36", true],
    [`${webkit} Mobile/15E148`, true],
    [android, false],
    [`${android} SamsungBrowser/23.0`, false],
    [`${view} XiaoMi/MiuiBrowser/14.1.0-gn`, false],
    [`${webkit} Version/17.5 Mobile/15E148 Safari/604.1`, false],
    [`${webkit} CriOS/120.0 Mobile/15E148 Safari/604.1`, false],
  ])("%s: %s", (agent, inside) => expect(isInsideAnother(agent, false)).toBe(inside));

  test("an installed app on an iPhone does not call itself Safari, and is none of them", () => {
    expect(isInsideAnother(`${webkit} Mobile/15E148`, true)).toBe(false);
  });

  test("Android is told to open the same invitation in Chrome, and only over HTTPS", () => {
    const href = "https://go.example.vn/app/#/moi/ABCD2345";
    expect(chromeAddress(android, href)).toBe("intent://go.example.vn/app/#/moi/ABCD2345#Intent;scheme=https;package=com.android.chrome;end");
    expect(chromeAddress(android, "http://127.0.0.1/app/")).toBeUndefined();
    expect(chromeAddress("iPhone", href)).toBeUndefined();
  });
});

describe("an invitation on an iPhone", () => {
  const iPhone = (version: string) => `Mozilla/5.0 (iPhone; CPU iPhone OS ${version} like Mac OS X) AppleWebKit/605.1.15 Version/16.4 Mobile/15E148 Safari/604.1`;
  const mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15";

  test("waits for the installed app wherever that can be had", () => {
    expect(mustInstallFirst(iPhone("16_4"), 5, false)).toBe(true);
    expect(mustInstallFirst(iPhone("18_6"), 5, false)).toBe(true);
    expect(mustInstallFirst(iPhone("18_6"), 5, true)).toBe(false);
    expect(mustInstallFirst(iPhone("16_3_1"), 5, false)).toBe(false);
    expect(mustInstallFirst(iPhone("15_8"), 5, false)).toBe(false);
  });

  test("or an iPad that calls itself a Mac, but on no Mac and no Android", () => {
    expect(mustInstallFirst(mac, 5, false)).toBe(true);
    expect(mustInstallFirst(mac, 0, false)).toBe(false);
    expect(mustInstallFirst("Mozilla/5.0 (Linux; Android 12; SM-A035F) Chrome/120.0 Mobile Safari/537.36", 5, false)).toBe(false);
  });
});

describe("joining", () => {
  const enrolments = (server: FakeServer) => server.bodies.filter(({ path }) => path === "/api/enrol").map(({ body }) => body as { attempt: string; code: string });

  test("an answer lost on the way is asked for again under the same name, also after a restart", async () => {
    const server = new FakeServer();
    const one = await newPhone(server);
    server.cut = (path) => (path === "/api/enrol" ? "after" : undefined);
    expect(await one.phone.join("ABCD2345", "person:hoa")).toMatchObject({ ok: false, error: "offline" });
    expect(one.phone.session.value).toBeNull();
    await one.restart();
    server.cut = () => undefined;
    expect(await one.phone.join("ABCD2345", "person:hoa")).toMatchObject({ ok: true });
    await one.phone.choosePin(PIN);
    expect(one.phone.session.value?.person.id).toBe("person:hoa");
    const [first, second] = enrolments(server);
    expect(first?.attempt).toBeTruthy();
    expect(second).toEqual(first);
  });

  test("someone else comes in beside records that wait here, which stay for their owner", async () => {
    const server = new FakeServer();
    const one = await newPhone(server);
    await one.signedIn();
    server.cut = (path) => (path.startsWith("/sync/") ? "before" : undefined);
    await one.save();
    server.invited = NAM;
    expect(await one.phone.join("ABCD2345", NAM.person)).toMatchObject({ ok: true });
    expect(one.phone.visitLines.value).toEqual([]);
    await one.phone.choosePin("580274");
    expect(one.phone.visitLines.value).toEqual([]);
    await one.phone.lock();
    const [hoa] = one.phone.owners.value;
    server.invited = undefined;
    expect(await one.phone.join("EFGH2345", "person:hoa")).toMatchObject({ ok: true });
    expect(one.phone.chosen.value).not.toBeUndefined();
    await one.phone.choosePin(PIN);
    server.cut = () => undefined;
    await one.sync();
    expect(one.counts).toMatchObject({ waiting: 0 });
    expect([one.phone.owners.value.length, hoa?.id]).toEqual([2, expect.any(String)]);
  });
});

describe("an invitation on a phone that holds records", () => {
  const paths = (server: FakeServer) => server.bodies.map(({ path }) => path);

  test("opens it for whoever forgot the PIN, with the record that was not sent", async () => {
    const server = new FakeServer();
    const one = await newPhone(server);
    await one.signedIn();
    server.cut = () => "before";
    await one.save();
    await one.phone.lock();
    server.cut = () => undefined;
    expect(await one.phone.join("ABCD2345", "person:hoa")).toMatchObject({ ok: true });
    expect(one.phone.gate.value).toBe("new-pin");
    await one.phone.choosePin("580274");
    expect((await one.phone.engine()).counts()).toMatchObject({ waiting: 1 });
    await one.phone.lock();
    expect(await one.phone.unlock(PIN)).toMatchObject({ ok: false });
    expect(await one.phone.unlock("580274")).toEqual({ ok: true });
  });

  test.each(["other", "ended"] as const)("is not spent where it opens nothing (%s), and the PIN still does", async (phone) => {
    const server = new FakeServer();
    const one = await newPhone(server);
    await one.signedIn();
    await one.phone.lock();
    server.phone = phone;
    expect(await one.phone.join("ABCD2345", "person:lan")).toEqual({ ok: false, error: `phone-${phone}`, reason: "" });
    expect(paths(server)).not.toContain("/api/enrol");
    expect(await one.phone.unlock(PIN)).toEqual({ ok: true });
    expect(one.phone.session.value?.person.id).toBe("person:hoa");
  });

  test("given to another person, has them choose a PIN of their own", async () => {
    const server = new FakeServer();
    const one = await newPhone(server);
    await one.signedIn();
    const session = { ...server.session("person:lan", "device:01ARZ3NDEKTSV4RRFFQ69G5FAW"), escrow: "C".repeat(43) };
    server.answers = (path) => (path === "/api/enrol" ? Response.json(session) : undefined);
    server.cut = (path) => (path === "/api/hello" ? "before" : undefined);
    expect(await one.phone.join("ABCD2345", "person:lan")).toMatchObject({ ok: true });
    expect(one.phone.gate.value).toBe("new-pin");
    await one.phone.choosePin("580274");
    expect(one.phone.session.value?.person.id).toBe("person:lan");
    await one.phone.lock();
    expect(await one.phone.unlock(PIN)).toMatchObject({ ok: false });
  });

  test("that it opened itself leads back into the app, as long as it is in use", async () => {
    const server = new FakeServer();
    const one = await newPhone(server);
    await one.start();
    await one.phone.join("ABCD2345", "person:hoa");
    await one.phone.choosePin(PIN);
    await one.sync();
    expect(await one.phone.look("ABCD2345")).toMatchObject({ error: "joined" });
    expect(await one.phone.look("WXYZ6789")).toMatchObject({ ok: true });
    await one.phone.lock();
    expect(await one.phone.look("ABCD2345")).toMatchObject({ error: "joined" });
    await one.phone.unlock(PIN);
    expect(await one.phone.signOut()).toEqual({ ok: true });
    expect(await one.phone.look("ABCD2345")).toMatchObject({ ok: true });
  });
});

describe("access that ended", () => {
  const answer = (code: string) => (path: string) =>
    path === "/api/hello" ? Response.json({ error: code, reason: "" }, { status: 401 }) : undefined;

  test("a lost phone removes everything at its next contact", async () => {
    const server = new FakeServer();
    const one = await newPhone(server);
    await one.signedIn();
    const { _id } = await one.household({ house: "12", lane: "3" });
    expect(one.phone.doors.value).toHaveLength(1);
    server.answers = answer("device-lost");
    await one.sync();
    await expect.poll(() => one.phone.session.value).toBeNull();
    expect(one.phone.sync.value.error).toBe("device-lost");
    expect(one.phone.doors.value).toEqual([]);
    server.answers = () => undefined;
    await one.restart();
    expect(one.phone.session.value).toBeNull();
    expect(server.documents.has(_id)).toBe(false);
    await one.signedIn();
    expect(one.phone.doors.value).toEqual([]);
  });

  test("a phone whose access was taken keeps its records and says why it does not send", async () => {
    const server = new FakeServer();
    const one = await newPhone(server);
    await one.signedIn();
    await one.household({ house: "12" });
    server.answers = answer("device-revoked");
    await one.sync();
    expect(one.phone.sync.value).toMatchObject({ phase: "signed-out", error: "device-revoked", waiting: 1 });
    await one.restart();
    expect((await one.phone.engine()).counts()).toMatchObject({ waiting: 1 });
    expect(one.phone.doors.value).toHaveLength(1);
  });
});
