/** How someone shows the server who they are: a password, or an invitation. */
import type { AppStore } from "./app-store";
import { Rejected, type Server, Unreachable } from "./server";
import type { Sessions } from "./session";
import type { Invited, InvitedAnswer, Session } from "./types";

/** What a way in gives: a session, not kept yet, and the key for whoever forgot the PIN. */
/** Which of this browser's cookies the answer sets, and the device that the server may know there already. */
export interface Way {
  slot: string;
  device?: string;
}
export type Asked = { ok: true; session: Session; escrow: string } | { ok: false; error: string; reason: string };

export class WaysIn {
  constructor(
    /** of the phone */
    private readonly shared: AppStore,
    private readonly server: Server,
    private readonly sessions: Sessions,
  ) {}

  /** Not kept yet: the vault may have to be made, or opened, with the escrow key first. */
  signIn(login: string, password: string, way: Way): Promise<Asked> {
    return told(() => this.askIn("/api/sign-in", { login: login.normalize("NFC").trim(), password }, way));
  }

  /** Whom an invitation is for; it can still be used afterwards. */
  look(code: string, known: string | undefined): Promise<InvitedAnswer> {
    const body = JSON.stringify({ code, ...(known && { device: known }) });
    return told(async () => ({ invited: (await this.server.post<Invited>("/api/invitation", body)).body }));
  }

  /** Whether it was this invitation that opened this phone: its link stays in a chat, and is tapped again. */
  async hasJoined(code: string): Promise<boolean> {
    return (await this.shared.get<string>("values", "joined")) === code;
  }

  /** Spends an invitation. An answer lost on the way is asked for again under the same name of the attempt. */
  async join(code: string, way: Way): Promise<Asked> {
    const kept = await this.shared.get<string>("values", `attempt:${code}`);
    const attempt = kept ?? crypto.randomUUID();
    if (!kept) await this.shared.put("values", `attempt:${code}`, attempt);
    const answer = await told(() => this.askIn("/api/enrol", { code, attempt }, way));
    if (answer.ok) {
      await this.shared.put("values", "joined", code);
      await this.shared.delete("values", `attempt:${code}`);
    }
    return answer;
  }

  /** Ends what the server has just begun, when it was of no use. */
  async undo(slot: string): Promise<void> {
    await this.server.post("/api/sign-out", "{}", undefined, slot).catch(() => undefined);
  }

  private async askIn(path: string, body: object, { slot, device: id }: Way): Promise<{ session: Session; escrow: string }> {
    const device = { label: deviceLabel(), ...(id && { id }) };
    const { escrow = "", ...session } = await this.sessions.ask<Session & { escrow?: string }>(path, { ...body, device }, slot);
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
