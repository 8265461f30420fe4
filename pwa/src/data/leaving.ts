/** Signing out: the vault goes when nothing of it would be lost. */
import type { Engine } from "./engine";
import type { Sessions } from "./session";
import type { SignOutAnswer } from "./types";
import type { Vault } from "./vault";
import type { Vaults } from "./vaults";

/** What signing out needs of the phone. */
export interface Leaver {
  sessions: Sessions;
  engine(): Promise<Engine>;
  vault(): Promise<Vault>;
  vaults(): Promise<Vaults>;
  lock(): Promise<void>;
  discard(id: string): Promise<void>;
}

/** Nothing that waits, and nothing that was refused, is thrown away: with the latter the vault only locks. */
export async function signOut(phone: Leaver): Promise<SignOutAnswer> {
  const engine = await phone.engine();
  const stay = (): SignOutAnswer => ({ ok: false, waiting: engine.counts().waiting, error: "waiting" });
  if (engine.counts().waiting) return stay();
  try {
    await phone.sessions.signOut();
  } catch {
    return { ok: false, waiting: 0, error: "offline" };
  }
  const { id } = await phone.vault();
  const vaults = await phone.vaults();
  await engine.records.settled();
  await vaults.leave(id, true); // another tab may save in this moment
  await engine.refresh();
  const { waiting, refused } = engine.counts();
  if (waiting || refused || engine.records.saving || !(await vaults.remove(id, true))) {
    await vaults.leave(id, false);
    if (!refused || waiting) return stay();
    await phone.lock();
  } else await phone.discard(id);
  return { ok: true };
}
