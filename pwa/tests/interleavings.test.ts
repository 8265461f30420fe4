import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeServer, type Cut } from "./fake-server";
import { TestPhone } from "./phones";

type Step =
  | { do: "save"; phone: number }
  | { do: "amend"; phone: number; which: number }
  | { do: "sync"; phone: number; cuts: Cut[]; save: boolean }
  | { do: "restart"; phone: number };

const phone = fc.nat({ max: 1 });
const cut = fc.constantFrom<Cut>("before", "after", undefined, undefined);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("save" as const), phone }),
  fc.record({ do: fc.constant("amend" as const), phone, which: fc.nat({ max: 9 }) }),
  fc.record({ do: fc.constant("sync" as const), phone, cuts: fc.array(cut, { maxLength: 5 }), save: fc.boolean() }),
  fc.record({ do: fc.constant("restart" as const), phone }),
);

/** What each phone has saved: the newest revision by document. */
type Book = Map<string, { rev: string; refused: boolean }>;

async function save(one: TestPhone, book: Book, id?: string): Promise<void> {
  const refused = id === undefined ? book.size % 4 === 3 : (book.get(id)?.refused ?? false);
  const visit = await one.save({ ...(id !== undefined && { id }) }, { note: refused ? "từ chối" : "" });
  book.set(visit._id, { rev: visit._rev ?? "", refused });
  expect(one.counts, "a save that is not counted as waiting").not.toMatchObject({ waiting: 0 });
}

async function play(steps: Step[]): Promise<void> {
  const server = new FakeServer();
  server.refuses = (document) => JSON.stringify(document).includes("từ chối") && document._id.startsWith("visit");
  const phones = [await new TestPhone(server).signedIn(), await new TestPhone(server, "person:lan").signedIn()];
  const books: Book[] = [new Map(), new Map()];
  for (const one of steps) {
    const [who, book] = [phones[one.phone], books[one.phone]];
    if (!who || !book) continue;
    if (one.do === "save") await save(who, book);
    if (one.do === "amend") await save(who, book, [...book.keys()][one.which]);
    if (one.do === "restart") await who.restart();
    if (one.do === "sync") {
      const cuts = [...one.cuts];
      server.cut = () => cuts.shift();
      server.during = async () => {
        server.during = async () => undefined;
        if (one.save) await save(who, book, [...book.keys()][0]);
      };
      await who.sync();
      server.during = async () => undefined;
      server.cut = () => undefined;
    }
    if (who.counts !== "not counted") {
      const unanswered = [...book].filter(([id, { rev, refused }]) => !refused && !server.knows(id, rev));
      if (unanswered.length) expect(who.counts, "waiting 0 while a record is not on the server").not.toMatchObject({ waiting: 0 });
    }
  }
  await heal(server, phones, books);
  await Promise.all(phones.map((each) => each.phone.stop()));
}

async function heal(server: FakeServer, phones: TestPhone[], books: Book[]): Promise<void> {
  for (const each of phones) await each.sync();
  for (const each of phones) await each.sync();
  const all = new Map(books.flatMap((book) => [...book]));
  const kept = [...all].filter(([, { refused }]) => !refused);
  expect([...server.documents.keys()].sort()).toEqual(kept.map(([id]) => id).sort());
  for (const [id, { rev }] of kept) expect(server.leaves(id), "one leaf, the newest revision").toEqual([rev]);
  for (const [at, each] of phones.entries()) {
    const own = [...(books[at]?.values() ?? [])];
    const refused = own.filter((one) => one.refused).length;
    expect(each.counts).toEqual({ waiting: 0, accepted: own.length - refused, refused });
    expect(each.phone.visitLines.value).toHaveLength(kept.length + refused);
  }
}

test("whatever is cut or restarted in between, every record is on the server once and the counts are right", async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), play), { numRuns: 60 });
}, 60_000);
