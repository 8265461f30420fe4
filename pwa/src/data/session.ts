/** Who is signed in on this phone. A session outlives its cookie: whoever records offline keeps recording. */
import type { AppStore } from "./app-store";
import type { Clock } from "./clock";
import { Rejected, type Server, Unreachable } from "./server";
import type { Invited, InvitedAnswer, Session } from "./types";

/** What a way in gives: a session, not kept yet, and the key for whoever forgot the PIN. */
export type Asked = { ok: true; session: Session; escrow: string } | { ok: false; error: string; reason: string };

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

  /** Not kept yet: the vault may have to be made, or opened, with the escrow key first. */
  signIn(login: string, password: string, known: string | undefined): Promise<Asked> {
    return told(() => this.askIn("/api/sign-in", { login: login.normalize("NFC").trim(), password }, known));
  }

  /** Whom an invitation is for; it can still be used afterwards. */
  look(code: string, known: string | undefined): Promise<InvitedAnswer> {
    const body = JSON.stringify({ code, ...(known && { device: known }) });
    return told(async () => ({ invited: (await this.server.post<Invited>("/api/invitation", body)).body }));
  }

  /** Whether it was this invitation that opened this phone: its link stays in a chat, and is tapped again. */
  async hasJoined(code: string): Promise<boolean> {
    return (await this.store.get<string>("values", "joined")) === code;
  }

  /** Spends an invitation. An answer lost on the way is asked for again under the same name of the attempt. */
  async join(code: string, known: string | undefined): Promise<Asked> {
    const kept = await this.store.get<string>("values", `attempt:${code}`);
    const attempt = kept ?? crypto.randomUUID();
    if (!kept) await this.store.put("values", `attempt:${code}`, attempt);
    const answer = await told(() => this.askIn("/api/enrol", { code, attempt }, known));
    if (answer.ok) {
      await this.store.put("values", "joined", code);
      await this.store.delete("values", `attempt:${code}`);
    }
    return answer;
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

  private async askIn(path: string, body: object, known: string | undefined): Promise<{ session: Session; escrow: string }> {
    const device = { label: deviceLabel(), ...(known && { id: known }) };
    const { escrow = "", ...session } = await this.ask<Session & { escrow?: string }>(path, { ...body, device });
    return { session, escrow };
  }

  /** These calls answer with a session, and tell the server's time. */
  private async ask<T extends Session>(path: string, body: object): Promise<T> {
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

/** What a call gives, or why it gave nothing, for people. */
async function told<T extends object>(call: () => Promise<T>): Promise<({ ok: true } & T) | { ok: false; error: string; reason: string }> {
  try {
    return { ok: true, ...(await call()) };
  } catch (error) {
    if (error instanceof Rejected) return { ok: false, error: error.code, reason: error.reason };
    if (error instanceof Unreachable) return { ok: false, error: "offline", reason: "" };
    throw error;
  }
}

function deviceLabel(): string {
  const agent = typeof navigator === "undefined" ? "" : navigator.userAgent;
  const model = /\(([^)]*)\)/.exec(agent)?.[1]?.split(";").map((part) => part.trim());
  return (model?.find((part) => /Android|iPhone|iPad|Windows|Mac|Linux/.test(part)) ?? "web").slice(0, 60);
}
