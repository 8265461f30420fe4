/**
 * The key to all that this phone keeps for one person: random, and kept only wrapped.
 *
 * It is wrapped twice: by a key from the PIN (PBKDF2-SHA-256, then HMAC with a secret of this browser that scripts cannot
 * read), and by the server's escrow key, given out at sign-in, for whoever forgot the PIN. The PIN itself is kept nowhere;
 * changing it wraps the same key anew. Six digits slow down whoever finds the phone, not a laboratory: see
 * docs/decisions/007-encrypted-on-the-phone.md.
 */
import type { AppStore } from "./app-store";
import { Cipher, type Sealed } from "./cipher";
import type { Profile } from "./profiles";
import type { Vaults } from "./vaults";

export type Unlocked = { ok: true } | { ok: false; wait: number };
export type Weakness = "short" | "easy" | "digits";
/** Of a new vault. */
export type Owner = Pick<Profile, "id" | "person" | "picture" | "slot" | "device">;

const ROUNDS = 600_000;
const FREE = 4; // wrong PINs without a wait
const FIRST_WAIT = 30_000;
const LONGEST_WAIT = 15 * 60_000;
const SEQUENCE = "01234567890 09876543210";
const NONE = { count: 0, left: 0, page: "", at: 0 };

/** What is wrong with a PIN or a passphrase, or null. */
export function weakness(pin: string): Weakness | null {
  if (!/^\d+$/.test(pin)) return [...pin].length < 8 ? "short" : new Set(pin).size < 4 ? "easy" : null;
  if (pin.length !== 6) return "digits";
  return /^(\d{1,3})\1+$/.test(pin) || SEQUENCE.includes(pin) ? "easy" : null;
}

export class Vault {
  private raw: Uint8Array<ArrayBuffer> | undefined;
  /** one page counts down a wait */
  private readonly page = crypto.randomUUID();

  constructor(
    private readonly vaults: Vaults,
    /** the clear part of what this vault keeps; it is attached while the vault is open */
    private readonly own: AppStore,
    readonly id: string,
    private readonly name: string,
    /** ms on a stopwatch that no one can set */
    private readonly elapsed: () => number = () => performance.now(),
    private readonly rounds = ROUNDS,
  ) {}

  get isOpen(): boolean {
    return this.raw !== undefined;
  }

  profile(): Promise<Profile | undefined> {
    return this.vaults.get(this.id);
  }

  /** A new key, wrapped by this PIN and this escrow key (32 bytes, base64url). The vault is there once its profile is kept. */
  async make(pin: string, owner: Omit<Owner, "id">, escrow: string | undefined): Promise<Profile> {
    const raw = crypto.getRandomValues(new Uint8Array(32));
    const secret = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const wrapped = await this.wrap(pin, raw, secret);
    const byEscrow = escrow === undefined ? {} : { byEscrow: await sealBy(escrow, raw) };
    await this.use(raw);
    return { version: 2, id: this.id, ...owner, secret, ...wrapped, ...byEscrow };
  }

  /** Milliseconds until a PIN may be tried: time that a page of ours has been open, whatever the phone's clock is set to. */
  async wait(): Promise<number> {
    return this.count(0);
  }

  /** The try is counted before it is made: whoever kills the browser in between, or uses two tabs, has used it up. */
  async unlock(pin: string): Promise<Unlocked> {
    const wait = await this.count(1);
    const profile = await this.profile();
    if (!profile) return { ok: false, wait: 0 };
    if (wait > 0) return { ok: false, wait };
    const raw = await unwrap(profile, pin);
    if (!raw) return { ok: false, wait: await this.wait() };
    await this.vaults.change(this.id, ({ leaving: _, ...kept }) => [{ ...kept, tries: NONE }, undefined]);
    await this.use(raw);
    return { ok: true };
  }

  /** Takes the time that has passed off the wait; when nothing is left of it, counts new tries. Answers the rest of the wait. */
  private async count(tries: number): Promise<number> {
    const rest = await this.vaults.change<number>(this.id, (profile) => {
      const { count, left, page, at } = profile.tries;
      const now = this.elapsed();
      const rest = page === this.page ? Math.max(0, left - Math.max(0, now - at)) : left;
      if (rest === 0 && !tries) return [undefined, 0];
      const next = rest > 0 ? { count, left: rest } : { count: count + tries, left: waitAfter(count + tries) };
      return [{ ...profile, tries: { ...next, page: this.page, at: now } }, rest];
    });
    return rest ?? 0;
  }

  /** Opens with the server's key. False when it is not the key of this vault. */
  async recover(escrow: string): Promise<boolean> {
    const sealed = (await this.profile())?.byEscrow;
    const raw = sealed && (await Cipher.of(fromBase64url(escrow)).then((key) => key.openBytes(sealed)).catch(() => undefined));
    if (!raw) return false;
    await this.use(new Uint8Array(raw));
    return true;
  }

  /** Wraps the same key by another PIN; the vault must be open. */
  async change(pin: string): Promise<void> {
    const profile = await this.profile();
    if (!profile || !this.raw) throw new Error("the vault is locked");
    const wrapped = await this.wrap(pin, this.raw, profile.secret);
    await this.vaults.change(this.id, (kept) => [{ ...kept, ...wrapped }, undefined]);
  }

  /** The server may have given this phone another key, or another id: from now on that one opens. */
  async escrow(escrow: string, device: string): Promise<void> {
    if (!this.raw) throw new Error("the vault is locked");
    const byEscrow = await sealBy(escrow, this.raw);
    await this.vaults.change(this.id, (kept) => [{ ...kept, byEscrow, device }, undefined]);
  }

  /** Forgets the key. */
  async lock(): Promise<void> {
    this.raw?.fill(0);
    this.raw = undefined;
    await this.own.detach();
  }

  private async use(raw: Uint8Array<ArrayBuffer>): Promise<void> {
    const cipher = await Cipher.of(raw);
    this.raw = raw;
    if (this.own.name !== this.name) await this.own.attach(this.name, cipher);
  }

  private async wrap(pin: string, raw: Uint8Array<ArrayBuffer>, secret: CryptoKey): Promise<Pick<Profile, "salt" | "rounds" | "byPin" | "digits" | "tries">> {
    const salt = crypto.getRandomValues(new Uint8Array(16));
    const { rounds } = this;
    const byPin = await (await keyFrom(pin, salt, rounds, secret)).sealBytes(raw);
    return { salt, rounds, byPin, digits: /^\d+$/.test(pin), tries: NONE };
  }
}

async function unwrap({ salt, rounds, secret, byPin }: Profile, pin: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const key = await keyFrom(pin, salt, rounds, secret);
  return key.openBytes(byPin).then(
    (raw) => new Uint8Array(raw),
    () => undefined,
  );
}

async function keyFrom(pin: string, salt: BufferSource, iterations: number, secret: CryptoKey): Promise<Cipher> {
  const typed = new TextEncoder().encode(pin.normalize("NFC"));
  const base = await crypto.subtle.importKey("raw", typed, "PBKDF2", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, base, 256);
  return Cipher.of(await crypto.subtle.sign("HMAC", secret, bits));
}

async function sealBy(escrow: string, raw: Uint8Array<ArrayBuffer>): Promise<Sealed> {
  return (await Cipher.of(fromBase64url(escrow))).sealBytes(raw);
}

function waitAfter(count: number): number {
  return count <= FREE ? 0 : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (count - FREE - 1));
}

function fromBase64url(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
}
