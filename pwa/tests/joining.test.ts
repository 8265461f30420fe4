/** An invitation opens this phone once, whatever happens to the answer; a lost phone keeps nothing. */
import { afterEach, describe, expect, test } from "vitest";
import { chromeAddress, isInsideAnother } from "../src/app/inside-another";
import { isWhole, readCode, showCode } from "../src/app/invitation-code";
import { FakeServer } from "./fake-server";
import { PIN, TestPhone } from "./phones";

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
});

describe("browsers inside other apps", () => {
  const android = "Mozilla/5.0 (Linux; Android 12; SM-A035F) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36";
  test.each([
    [`${android} Zalo/23.12`, true],
    [`${android} [FBAN/EMA;FBAV/400.0]`, true],
    ["Mozilla/5.0 (Linux; Android 12; SM-A035F; wv) AppleWebKit/537.36 Version/4.0 Chrome/120.0", true],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 16_4 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Instagram 300.0", true],
    [android, false],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 16_4 like Mac OS X) AppleWebKit/605.1.15 Version/16.4 Mobile Safari/604.1", false],
  ])("%s: %s", (agent, inside) => expect(isInsideAnother(agent)).toBe(inside));

  test("Android is told to open the same invitation in Chrome, and only over HTTPS", () => {
    const href = "https://go.example.vn/app/#/moi/ABCD2345";
    expect(chromeAddress(android, href)).toBe("intent://go.example.vn/app/#/moi/ABCD2345#Intent;scheme=https;package=com.android.chrome;end");
    expect(chromeAddress(android, "http://127.0.0.1/app/")).toBeUndefined();
    expect(chromeAddress("iPhone", href)).toBeUndefined();
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

  test("nobody comes in while records of another wait here", async () => {
    const server = new FakeServer();
    const one = await newPhone(server);
    await one.signedIn();
    server.cut = () => "before";
    await one.save();
    expect(await one.phone.join("ABCD2345", "person:lan")).toMatchObject({ ok: false, error: "unsent-of-other", reason: "Hoa" });
    expect(enrolments(server)).toEqual([]);
    server.cut = () => undefined;
    expect(await one.phone.join("ABCD2345", "person:hoa")).toMatchObject({ ok: true });
    await one.sync();
    expect(one.counts).toMatchObject({ waiting: 0 });
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
