/** "All sent" is never shown while one revision is unanswered for: not in a second tab, nor after whatever befell the phone. */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { FakeServer, type Cut } from "./fake-server";
import { TestPhone } from "./phones";

const tab = fc.nat({ max: 1 });
const cuts = fc.array(fc.constantFrom<Cut>("before", "after", undefined, undefined), { maxLength: 5 });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("save" as const), tab, cuts }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("sync" as const, "both" as const), tab, cuts }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("restart" as const), tab, cuts }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("restore" as const, "vanish" as const), tab, cuts }) },
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

class Stage {
  readonly server = new FakeServer();
  readonly tabs: TestPhone[] = [];
  /** what the phone saved and still has: the newest revision by document */
  readonly saved = new Map<string, string>();
  /** answered for by a server that was set back since, of which this phone cannot know before its next greeting */
  private unheard = new Set<string>();
  private restored = 0;
  /** the browser threw the records away, and they have not come back from the server yet */
  private empty = false;

  async open(): Promise<this> {
    const first = await new TestPhone(this.server).signedIn();
    this.tabs.push(first, await new TestPhone(this.server, undefined, undefined, first.name).start());
    for (const each of this.tabs) await each.phone.engine();
    return this;
  }

  async take({ do: deed, tab, cuts }: Step): Promise<void> {
    const one = this.tabs[tab] as TestPhone;
    if (deed === "save") {
      const visit = await one.save();
      this.saved.set(visit._id, visit._rev ?? "");
    }
    if (deed === "restart") await this.reopen();
    if (deed === "sync") await this.sync([one], [...cuts]);
    if (deed === "both") await this.sync(this.tabs, [...cuts]);
    if (deed === "restore") this.restore();
    if (deed === "vanish") await this.vanish();
  }

  private async sync(tabs: TestPhone[], cuts: Cut[]): Promise<void> {
    this.server.cut = (path) => {
      const cut = cuts.shift();
      if (path === "/api/hello" && !cut) this.unheard.clear();
      return cut;
    };
    await Promise.all(tabs.map((each) => each.sync()));
    if (tabs.some((each) => each.phone.sync.value.phase === "idle")) this.empty = false;
    this.server.cut = () => undefined;
  }

  private restore(): void {
    for (const [id, rev] of this.saved) {
      if (!this.server.knows(id, rev)) continue;
      if (this.empty) this.saved.delete(id); // gone on both sides
      else this.unheard.add(id + rev);
    }
    this.server.lose();
    this.server.generation = `restored-${++this.restored}`;
  }

  /** The browser throws PouchDB's database away; what was nowhere else is gone with it. */
  private vanish(): Promise<void> {
    this.empty = true;
    for (const [id, rev] of this.saved) if (!this.server.knows(id, rev)) this.saved.delete(id);
    return this.reopen(async () => {
      const names = (await indexedDB.databases()).map(({ name }) => name ?? "");
      const gone = names.filter((name) => name.startsWith("_pouch_") && name.includes(`${this.tabs[0]?.name}-`));
      expect(gone).toHaveLength(1);
      for (const name of gone) await new Promise((resolve) => (indexedDB.deleteDatabase(name).onsuccess = resolve));
    });
  }

  /** Both tabs at once: within one process they share what PouchDB has open. */
  private async reopen(meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
    for (const each of this.tabs) await each.phone.stop();
    await meanwhile();
    for (const each of this.tabs) await (await each.start()).phone.engine();
  }

  get unanswered(): string[] {
    return [...this.saved].filter(([id, rev]) => !this.server.knows(id, rev) && !this.unheard.has(id + rev)).map(([id]) => id);
  }

  async honest(): Promise<void> {
    if (!this.unanswered.length) return;
    // a tab hears of the other's saves a moment later
    const check = ({ counts }: TestPhone) => {
      if (!this.unanswered.length) return; // a try of the phone's own came between
      expect(counts, "all sent, says a phone that holds more").not.toMatchObject({ waiting: 0 });
    };
    for (const each of this.tabs) await vi.waitFor(() => check(each));
  }

  async heal(): Promise<void> {
    for (let rounds = 0; rounds < 2; rounds++) for (const each of this.tabs) await this.sync([each], []);
    expect(this.unanswered, "records that never reach the server").toEqual([]);
    for (const each of this.tabs) await vi.waitFor(() => expect(each.counts).toMatchObject({ waiting: 0, refused: 0 }));
    for (const each of this.tabs) await each.phone.stop();
  }
}

test("whatever happens to a phone with two tabs, it never says that all is sent while one record is not", async () => {
  const play = async (steps: Step[]) => {
    const stage = await new Stage().open();
    for (const one of steps) {
      await stage.take(one);
      await stage.honest();
    }
    await stage.heal();
  };
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), play), { numRuns: 60 });
}, 120_000);

test.each([1, 2, 3])("a restored server that is heard of, and no more, is known to lack what it had accepted: cut %i", async (at) => {
  const stage = await new Stage().open();
  await stage.take({ do: "save", tab: 0, cuts: [] });
  await stage.take({ do: "sync", tab: 0, cuts: [] });
  await stage.take({ do: "restore", tab: 0, cuts: [] });
  await stage.take({ do: "sync", tab: 0, cuts: [...Array<Cut>(at).fill(undefined), "before"] });
  await stage.honest();
  await stage.heal();
});
