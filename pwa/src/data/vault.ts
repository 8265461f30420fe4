/**
 * The key to all that this phone keeps: random, and kept only wrapped.
 *
 * It is wrapped twice: by a key from the PIN (PBKDF2-SHA-256, then HMAC with a secret of this browser that scripts cannot
 * read), and by the server's escrow key, given out at sign-in, for whoever forgot the PIN. The PIN itself is kept nowhere;
 * changing it wraps the same key anew. Six digits slow down whoever finds the phone, not a laboratory: see
 * docs/decisions/007-encrypted-on-the-phone.md.
 */
import type { AppStore } from "./app-store";
import { Cipher, type Sealed } from "./cipher";

/** What is readable before the PIN is known: nothing of any person. */
export interface Profile {
  version: 1;
  salt: Uint8Array<ArrayBuffer>;
  rounds: number;
  byPin: Sealed;
  byEscrow: Sealed;
  /** this phone's id at the server, told at sign-in to get the same escrow key */
  device: string;
  /** digits, or a passphrase: which keyboard to show */
  digits: boolean;
  /** wrong PINs in a row and when the last was typed, ms by the phone's own clock */
  tries: { count: number; at: number };
}

export type Unlocked = { ok: true } | { ok: false; wait: number };
export type Weakness = "short" | "easy" | "digits";

const ROUNDS = 600_000;
const FREE = 4; // wrong PINs without a wait
const FIRST_WAIT = 30_000;
const LONGEST_WAIT = 3_600_000;
const SEQUENCE = "01234567890 09876543210";

/** What is wrong with a PIN or a passphrase, or null. */
export function weakness(pin: string): Weakness | null {
  if (!/^\d+$/.test(pin)) return [...pin].length < 8 ? "short" : new Set(pin).size < 4 ? "easy" : null;
  if (pin.length !== 6) return "digits";
  return /^(\d{1,3})\1+$/.test(pin) || SEQUENCE.includes(pin) ? "easy" : null;
}

export class Vault {
  private raw: Uint8Array<ArrayBuffer> | undefined;

  constructor(
    private readonly store: AppStore,
    private readonly now: () => number = Date.now,
    private readonly rounds = ROUNDS,
  ) {}

  profile(): Promise<Profile | undefined> {
    return this.store.get<Profile>("values", "vault");
  }

  /** A new key, wrapped by this PIN and this escrow key (32 bytes, base64url). */
  async create(pin: string, escrow: string, device: string): Promise<void> {
    this.raw = crypto.getRandomValues(new Uint8Array(32));
    const byEscrow = await (await Cipher.of(fromBase64url(escrow))).sealBytes(this.raw);
    await this.wrap(pin, this.raw, byEscrow, device);
    await this.use(this.raw);
  }

  /** Milliseconds until a PIN may be tried. A clock set back begins the wait anew. */
  async wait(): Promise<number> {
    return this.store.update<Profile, number>("values", "vault", (profile) => {
      const now = this.now();
      if (!profile) return [undefined, 0];
      const { count, at } = profile.tries;
      if (now < at && count > FREE) return [{ ...profile, tries: { count, at: now } }, waitAfter(count)];
      return [undefined, Math.max(0, at + waitAfter(count) - now)];
    });
  }

  /** The try is counted before it is made: whoever kills the browser in between has used it up. */
  async unlock(pin: string): Promise<Unlocked> {
    const profile = await this.profile();
    if (!profile) return { ok: false, wait: 0 };
    const wait = await this.wait();
    if (wait > 0) return { ok: false, wait };
    await this.store.update<Profile, void>("values", "vault", (kept) => [
      kept && { ...kept, tries: { count: kept.tries.count + 1, at: this.now() } },
      undefined,
    ]);
    const raw = await this.unwrap(profile, pin);
    if (!raw) return { ok: false, wait: await this.wait() };
    await this.store.update<Profile, void>("values", "vault", (kept) => [kept && { ...kept, tries: { count: 0, at: 0 } }, undefined]);
    await this.use(raw);
    return { ok: true };
  }

  /** Opens with the server's key. False when it is not the key of this phone's records. */
  async recover(escrow: string): Promise<boolean> {
    const profile = await this.profile();
    const raw = profile && (await Cipher.of(fromBase64url(escrow)).then((key) => key.openBytes(profile.byEscrow)).catch(() => undefined));
    if (!raw) return false;
    await this.use(new Uint8Array(raw));
    return true;
  }

  /** Wraps the same key by another PIN; the vault must be open. */
  async change(pin: string): Promise<void> {
    const profile = await this.profile();
    if (!profile || !this.raw) throw new Error("the vault is locked");
    await this.wrap(pin, this.raw, profile.byEscrow, profile.device);
  }

  /** The server may have given this phone another key, or another id: from now on that one opens. */
  async escrow(escrow: string, device: string): Promise<void> {
    if (!this.raw) throw new Error("the vault is locked");
    const byEscrow = await (await Cipher.of(fromBase64url(escrow))).sealBytes(this.raw);
    await this.store.update<Profile, void>("values", "vault", (kept) => [kept && { ...kept, byEscrow, device }, undefined]);
  }

  /** Forgets the key. */
  lock(): void {
    this.raw?.fill(0);
    this.raw = undefined;
    this.store.cipher = undefined;
  }

  private async use(raw: Uint8Array<ArrayBuffer>): Promise<void> {
    this.raw = raw;
    this.store.cipher = await Cipher.of(raw);
  }

  private async wrap(pin: string, raw: Uint8Array<ArrayBuffer>, byEscrow: Sealed, device: string): Promise<void> {
    const salt = crypto.getRandomValues(new Uint8Array(16));
    const { rounds } = this;
    const byPin = await (await this.keyFrom(pin, salt, rounds)).sealBytes(raw);
    const digits = /^\d+$/.test(pin);
    const profile: Profile = { version: 1, salt, rounds, byPin, byEscrow, device, digits, tries: { count: 0, at: 0 } };
    await this.store.put("values", "vault", profile);
  }

  private async unwrap(profile: Profile, pin: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const key = await this.keyFrom(pin, profile.salt, profile.rounds);
    return key.openBytes(profile.byPin).then(
      (raw) => new Uint8Array(raw),
      () => undefined,
    );
  }

  private async keyFrom(pin: string, salt: BufferSource, iterations: number): Promise<Cipher> {
    const typed = new TextEncoder().encode(pin.normalize("NFC"));
    const base = await crypto.subtle.importKey("raw", typed, "PBKDF2", false, ["deriveBits"]);
    const bits = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, base, 256);
    return Cipher.of(await crypto.subtle.sign("HMAC", await this.deviceSecret(), bits));
  }

  /** Made once; a copy of the profile alone, without this, opens nothing. */
  private async deviceSecret(): Promise<CryptoKey> {
    const kept = await this.store.get<CryptoKey>("values", "device-secret");
    if (kept) return kept;
    const made = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    await this.store.put("values", "device-secret", made);
    return made;
  }
}

function waitAfter(count: number): number {
  return count <= FREE ? 0 : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (count - FREE - 1));
}

function fromBase64url(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
}
