/** Who is signed in on this phone. A session outlives its cookie: whoever records offline keeps recording. */
import type { AppStore } from "./app-store";
import type { Clock } from "./clock";
import { type Server, Unreachable } from "./server";
import type { Session } from "./types";

const VERSION: string = import.meta.env?.VITE_VERSION ?? "0";

export class Sessions {
  current: Session | null = null;

  constructor(
    private readonly store: AppStore,
    private readonly server: Server,
    private readonly clock: Clock,
  ) {}

  /** What may be read while the vault is locked. */
  async loadOffset(): Promise<void> {
    this.clock.offset = (await this.store.get<number>("values", "offset")) ?? 0;
  }

  /** Who was signed in; the vault must be open. */
  async load(): Promise<Session | null> {
    this.current = (await this.store.get<Session>("values", "session")) ?? null;
    return this.current;
  }

  async hello(state: Record<string, unknown>): Promise<Session> {
    const mark = this.current?.mark;
    return this.keep(await this.ask<Session>("/api/hello", { clock: this.clock.raw(), app: VERSION, ...(mark && { mark }), ...state }));
  }

  async keep(session: Session): Promise<Session> {
    await this.store.putAll([
      ["values", "session", session],
      ["values", "offset", this.clock.offset],
    ]);
    this.current = session;
    return session;
  }

  /** Ends what the server has just begun, when it was of no use. */
  async undo(): Promise<void> {
    await this.server.post("/api/sign-out", "{}").catch(() => undefined);
  }

  /** False, and still signed in here, when something came to wait while the server was being told. */
  async signOut(nothingWaits: () => Promise<boolean>): Promise<boolean> {
    await this.server.post("/api/sign-out", "{}");
    if (!(await nothingWaits())) return false;
    this.current = null;
    await this.store.delete("values", "session");
    return true;
  }

  /** These calls answer with a session, and tell the server's time. */
  async ask<T extends Session>(path: string, body: object): Promise<T> {
    const asked = this.clock.millis() - this.clock.offset;
    const { body: told } = await this.server.post<T>(path, JSON.stringify(body));
    const answered = this.clock.millis() - this.clock.offset;
    const known = told?.mark !== undefined && told.mark === this.current?.mark;
    const session: T = known ? { ...this.current, ...told } : told;
    if (typeof session?.database !== "string" || typeof session.person?.id !== "string") throw new Unreachable("not-the-server");
    this.clock.offset = Math.round(Date.parse(session.time) - (asked + answered) / 2);
    return session;
  }
}
