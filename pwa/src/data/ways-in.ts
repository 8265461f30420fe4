/** The ways in, with a password or by an invitation; fetched when somebody comes in, which is not every day. */
import type { AppStore } from "./app-store";
import { Rejected, type Server, Unreachable } from "./server";
import type { Sessions } from "./session";
import type { Invited, InvitedAnswer, Session } from "./types";

/** What a way in gives: a session, not kept yet, and the key for whoever forgot the PIN. */
export type Asked = { ok: true; session: Session; escrow: string } | { ok: false; error: string; reason: string };

export class WaysIn {
  constructor(
    private readonly store: AppStore,
    private readonly server: Server,
    private readonly sessions: Sessions,
  ) {}

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
  async join(code: string, known: string | undefined, locked: boolean): Promise<Asked> {
    if (locked) {
      const looked = await this.look(code, known);
      if (!looked.ok) return looked;
      // what it cannot open it shall not be spent on
      if (looked.invited.phone !== "own") return { ok: false, error: `phone-${looked.invited.phone}`, reason: "" };
    }
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

  private async askIn(path: string, body: object, known: string | undefined): Promise<{ session: Session; escrow: string }> {
    const device = { label: deviceLabel(), ...(known && { id: known }) };
    const { escrow = "", ...session } = await this.sessions.ask<Session & { escrow?: string }>(path, { ...body, device });
    return { session, escrow };
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
