/**
 * The vaults of this phone, as far as anyone may see them before a PIN: whose picture, and a wrapped key.
 *
 * A vault is there while its profile is here. Its databases bear its id in their names, so that a new vault never meets what
 * an older one has left, and whatever bears an id that is not here is rubbish (`remains.ts`). Removing a profile is one
 * write: from then on nothing opens those databases, whatever becomes of the app in this moment.
 */
import type { AppStore } from "./app-store";
import type { Sealed } from "./cipher";

/** What is readable before the PIN is known: ids, and a picture that its owner chose. */
export interface Profile {
  version: 2;
  id: string;
  /** whose it is, by id; nobody has two vaults on one phone */
  person: string;
  picture: string;
  /** which of this browser's cookies is theirs: empty, or the vault's id */
  slot: string;
  /** this phone's id at the server, told at sign-in to get the same escrow key */
  device: string;
  salt: Uint8Array<ArrayBuffer>;
  rounds: number;
  /** made here once, used but never read by scripts: a copy of the rest opens nothing */
  secret: CryptoKey;
  byPin: Sealed;
  /** none until the first sign-in, on a phone that had records before there were vaults */
  byEscrow?: Sealed;
  /** digits, or a passphrase: which keyboard to show */
  digits: boolean;
  tries: Tries;
  /** whoever signs out sets it before the last look at what waits: a record is not called saved from then on */
  leaving?: true;
}

/** Wrong PINs in a row; ms still to wait, counted down by one page at a time as `at` on its own stopwatch. */
export interface Tries {
  count: number;
  left: number;
  page: string;
  at: number;
}

export const PROFILES = () => IDBKeyRange.bound("vault:", "vault:\uffff");

export function profilesIn(shared: AppStore): Promise<Profile[]> {
  return shared.all<Profile>("values", PROFILES());
}
