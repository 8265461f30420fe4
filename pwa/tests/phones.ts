/** Phones for tests: each with its own storage, which outlives a restart. */
import { Phone } from "../src/data/phone";
import type { Fetch } from "../src/data/server";
import type { VisitInput, VisitRecord } from "../src/data/types";
import type { FakeServer } from "./fake-server";

export const PIN = "271946";
export const NAM = { person: "person:nam", device: "device:01BX5ZZKBKACTAV9WEVGEMMVRZ", escrow: "D".repeat(43) };
let made = 0;

export class TestPhone {
  phone!: Phone;
  private fetch: Fetch | undefined;

  constructor(
    readonly server: FakeServer,
    readonly person = "person:hoa",
    private readonly clock?: () => number,
    readonly name = `phone-${++made}`,
  ) {}

  /** Starts the app, signs in the first time; nothing is synced until `sync()`. */
  async start(): Promise<this> {
    this.fetch ??= this.server.fetchFor(this.person);
    this.phone = new Phone({
      fetch: this.fetch,
      app: `app-${this.name}`,
      prefix: `${this.name}-`,
      patience: 1e9,
      rounds: 1,
      ...(this.clock && { clock: this.clock }),
    });
    await this.phone.start();
    if (this.phone.gate.value === "locked") await this.phone.unlock(PIN);
    return this;
  }

  async signedIn(): Promise<this> {
    await this.start();
    const { cut } = this.server;
    this.server.cut = () => undefined;
    const answer = await this.phone.signIn("hoa", "mat-khau");
    if (!answer.ok) throw new Error(answer.error);
    if (this.phone.gate.value === "new-pin") await this.phone.choosePin(PIN);
    await this.sync();
    this.server.cut = cut;
    return this;
  }

  async restart(): Promise<this> {
    await this.phone.stop();
    return this.start();
  }

  async sync(): Promise<void> {
    await (await this.phone.engine()).sync.resume();
  }

  async save(input: Partial<VisitInput> = {}, record: Partial<VisitRecord> = {}) {
    const whole = { at: this.phone.clock.now(), outcome: "met" as const, ...record };
    return (await this.phone.engine()).records.visit({ household: null, ...input, record: whole });
  }

  async household(fields: { house?: string; lane?: string; street?: string }, order: number | null = null) {
    return (await this.phone.engine()).records.household({ address: fields, order });
  }

  get counts() {
    const { waiting, accepted, refused, counted } = this.phone.sync.value;
    return counted ? { waiting, accepted, refused } : "not counted";
  }
}
