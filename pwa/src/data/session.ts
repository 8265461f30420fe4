/** Who is signed in on this phone. A session outlives its cookie: whoever records offline keeps recording. */
import type { AppStore } from "./app-store";
import type { Clock } from "./clock";
import { Rejected, type Server, Unreachable } from "./server";
import type { Invited, InvitedAnswer, Session, SignInAnswer } from "./types";

const VERSION: string = import.meta.env?.VITE_VERSION ?? "0";

export class Sessions {
  current: Session | null = null;

  constructor(
    private readonly store: AppStore,
    private readonly server: Server,
    private readonly clock: Clock,
  ) {}

  async load(): Promise<Session | null> {
    const [session, offset] = await Promise.all([this.store.get<Session>("values", "session"), this.store.get<number>("values", "offset")]);
    this.clock.offset = offset ?? 0;
    this.current = session ?? null;
    return this.current;
  }

  async signIn(login: string, password: string): Promise<SignInAnswer> {
    return told(async () => ({ session: await this.ask("/api/sign-in", { login: login.normalize("NFC").trim(), password, device: this.device() }) }));
  }

  /** Whom an invitation is for; it can still be used afterwards. */
  look(code: string): Promise<InvitedAnswer> {
    return told(async () => ({ invited: (await this.server.post<Invited>("/api/invitation", JSON.stringify({ code }))).body }));
  }

  /** Spends an invitation. An answer lost on the way is asked for again under the same name of the attempt. */
  async join(code: string): Promise<SignInAnswer> {
    const kept = await this.store.get<string>("values", `attempt:${code}`);
    const attempt = kept ?? crypto.randomUUID();
    if (!kept) await this.store.put("values", `attempt:${code}`, attempt);
    const answer = await told(async () => ({ session: await this.ask("/api/enrol", { code, attempt, device: this.device() }) }));
    if (answer.ok) await this.store.delete("values", `attempt:${code}`);
    return answer;
  }

  /** This phone has been reported lost: nobody is signed in here any more. */
  async forget(): Promise<void> {
    this.current = null;
    await this.store.delete("values", "session");
  }

  hello(state: Record<string, unknown>): Promise<Session> {
    const mark = this.current?.mark;
    return this.ask("/api/hello", { clock: this.clock.raw(), app: VERSION, ...(mark && { mark }), ...state });
  }

  /** False, and still signed in here, when something came to wait while the server was being told. */
  async signOut(nothingWaits: () => Promise<boolean>): Promise<boolean> {
    await this.server.post("/api/sign-out", "{}");
    if (!(await nothingWaits())) return false;
    this.current = null;
    await this.store.delete("values", "session");
    return true;
  }

  private device(): { label: string; id?: string } {
    return { label: deviceLabel(), ...(this.current && { id: this.current.device }) };
  }

  /** These calls answer with a session, and tell the server's time. */
  private async ask(path: string, body: object): Promise<Session> {
    const asked = this.clock.millis() - this.clock.offset;
    const { body: told } = await this.server.post<Session>(path, JSON.stringify(body));
    const answered = this.clock.millis() - this.clock.offset;
    const known = told?.mark !== undefined && told.mark === this.current?.mark;
    const session: Session = known ? { ...this.current, ...told } : told;
    if (typeof session?.database !== "string" || typeof session.person?.id !== "string") throw new Unreachable("not-the-server");
    this.clock.offset = Math.round(Date.parse(session.time) - (asked + answered) / 2);
    await this.store.change(["values"], (to) => {
      to("values").put(session, "session");
      to("values").put(this.clock.offset, "offset");
    });
    this.current = session;
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
