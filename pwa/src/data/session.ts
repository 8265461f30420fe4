/** Who is signed in on this phone. A session outlives its cookie: whoever records offline keeps recording. */
import type { AppStore } from "./app-store";
import type { Clock } from "./clock";
import { type Server, Unreachable } from "./server";
import type { Session } from "./types";

const VERSION: string = import.meta.env?.VITE_VERSION ?? "0";

export class Sessions {
  current: Session | null = null;

  constructor(
    /** of the phone */
    private readonly shared: AppStore,
    /** of the open vault */
    private readonly own: AppStore,
    private readonly server: Server,
    private readonly clock: Clock,
  ) {}

  /** What may be read while the vault is locked. */
  async loadOffset(): Promise<void> {
    this.clock.offset = (await this.shared.get<number>("values", "offset")) ?? 0;
  }

  /** Who was signed in; the vault must be open. */
  async load(): Promise<Session | null> {
    this.current = (await this.own.get<Session>("values", "session")) ?? null;
    return this.current;
  }

  async hello(state: Record<string, unknown>): Promise<Session> {
    const mark = this.current?.mark;
    return this.keep(await this.ask<Session>("/api/hello", { clock: this.clock.raw(), app: VERSION, ...(mark && { mark }), ...state }));
  }

  async keep(session: Session): Promise<Session> {
    await this.own.put("values", "session", session);
    await this.shared.put("values", "offset", this.clock.offset);
    this.current = session;
    return session;
  }

  async signOut(): Promise<void> {
    await this.server.post("/api/sign-out", "{}");
  }

  /** These calls answer with a session, and tell the server's time. */
  async ask<T extends Session>(path: string, body: object, slot?: string): Promise<T> {
    const asked = this.clock.millis() - this.clock.offset;
    const { body: told } = await this.server.post<T>(path, JSON.stringify(body), undefined, slot);
    const answered = this.clock.millis() - this.clock.offset;
    const known = told?.mark !== undefined && told.mark === this.current?.mark;
    const session: T = known ? { ...this.current, ...told } : told;
    if (typeof session?.database !== "string" || typeof session.person?.id !== "string") throw new Unreachable("not-the-server");
    this.clock.offset = Math.round(Date.parse(session.time) - (asked + answered) / 2);
    return session;
  }
}
