/** Coming in, by a password or an invitation: to one's own vault, to a new one, never to another's. */
import type { Signal } from "@preact/signals";
import type { AppStore } from "./app-store";
import type { Profile } from "./profiles";
import type { Place } from "./remains";
import type { Server } from "./server";
import type { Sessions } from "./session";
import type { Gate, InvitedAnswer, Owner, Session, SignInAnswer } from "./types";
import type { Vault } from "./vault";
import { newId, PICTURES, type Vaults } from "./vaults";
import { WaysIn, type Asked, type Way } from "./ways-in";

/** What coming in needs of the phone. */
export interface Doorway {
  session: Signal<Session | null>;
  gate: Signal<Gate>;
  owners: Signal<Owner[]>;
  chosen: Signal<string | undefined>;
  sessions: Sessions;
  shared: AppStore;
  /** of the vault that is open */
  own: AppStore;
  place(): Promise<Place>;
  vaults(): Promise<Vaults>;
  vault(id?: string): Promise<Vault>;
  choose(id: string | undefined): void;
  lock(): Promise<void>;
  goOn(session: Session, escrow: string): Promise<void>;
}

/** Someone who has no vault here: kept in memory until the PIN is chosen. */
interface Entered {
  id: string;
  slot: string;
  session: Session;
  escrow?: string;
}

const plain = (text: string) => text.normalize("NFC").trim().toLowerCase();

export class Arrivals {
  entered: Entered | undefined;
  private readonly ways: WaysIn;

  /** @param before who was signed in on this phone before there were vaults */
  constructor(
    private readonly phone: Doorway,
    server: Server,
    before: Session | undefined,
  ) {
    this.ways = new WaysIn(phone.shared, server, phone.sessions);
    if (before) this.entered = { id: newId(), slot: "", session: before };
  }

  /** False when another tab has made this person's vault. */
  async settle(pin: string, picture: string | undefined): Promise<boolean> {
    return (await this.phone.vaults()).alone(() => this.make(pin, picture));
  }

  private async make(pin: string, picture: string | undefined): Promise<boolean> {
    const { id, slot, session, escrow } = this.entered as Entered;
    const free = PICTURES.find((one) => this.phone.owners.value.every((owner) => owner.picture !== one));
    const owner = { person: session.person.id, device: session.device, slot, picture: picture ?? free ?? PICTURES[0] };
    const vault = await this.phone.vault(id);
    const profile = await vault.make(pin, owner, escrow);
    await this.phone.sessions.keep(session);
    const { moveIn } = await import("./remains");
    const added = await moveIn(await this.phone.place(), this.phone.own, profile, session.database);
    if (!added) await vault.lock();
    this.entered = undefined;
    this.phone.chosen.value = added ? id : undefined;
    return added;
  }

  /** On a phone without their vault a PIN is chosen next, at their locked one a new PIN; at their open one the work goes on. */
  async signIn(login: string, password: string): Promise<SignInAnswer> {
    if (!this.isOwn((person) => plain(person.login) === plain(login))) await this.makeRoom();
    return this.enter((way) => this.ways.signIn(login, password, way));
  }

  /** Whom an invitation is for; it can still be used afterwards. */
  async look(code: string): Promise<InvitedAnswer> {
    if (this.phone.gate.value !== "welcome" && (await this.ways.hasJoined(code))) return { ok: false, error: "joined", reason: "" };
    const profiles = await (await this.phone.vaults()).all();
    return this.ways.look(code, profiles.find(({ id }) => id === this.phone.chosen.value)?.device);
  }

  /** Comes in by an invitation, for the person that `look` told of. */
  async join(code: string, person: string): Promise<SignInAnswer> {
    if (!this.isOwn(({ id }) => id === person)) await this.makeRoom();
    const profiles = await (await this.phone.vaults()).all();
    const meant = profiles.find((one) => (this.phone.chosen.value === undefined ? one.person === person : one.id === this.phone.chosen.value));
    if (meant && this.phone.gate.value === "locked") {
      const looked = await this.ways.look(code, meant.device);
      if (!looked.ok) return looked;
      // what it cannot open it shall not be spent on
      if (looked.invited.phone !== "own") return { ok: false, error: `phone-${looked.invited.phone}`, reason: "" };
    }
    return this.enter((way) => this.ways.join(code, way), person);
  }

  private isOwn(isSame: (person: Session["person"]) => boolean): boolean {
    return !this.phone.session.value || isSame(this.phone.session.value.person);
  }

  /** Someone else comes in: what is open is locked, and stays for its owner. */
  private async makeRoom(): Promise<void> {
    await this.phone.lock();
    this.phone.choose(undefined);
  }

  /** @param person who it will be, where that is known before */
  private async enter(ask: (way: Way) => Promise<Asked>, person?: string): Promise<SignInAnswer> {
    const profiles = await (await this.phone.vaults()).all();
    const meant = profiles.find((one) => (person === undefined ? one.id === this.phone.chosen.value : one.person === person));
    const id = newId();
    const slot = meant ? meant.slot : profiles.some((one) => one.slot === "") ? id : "";
    const answer = await ask({ slot, ...(meant && { device: meant.device }) });
    if (!answer.ok) return answer;
    const { session, escrow } = answer;
    const theirs = profiles.find((one) => one.person === session.person.id);
    if (theirs === meant) return meant ? this.enterOwn(meant, session, escrow) : this.enterNew({ id, slot, session, escrow });
    await this.ways.undo(slot);
    if (meant || !theirs || person !== undefined) return { ok: false, error: "not-this-phone", reason: "" };
    return this.enter(ask, theirs.person); // they did not look for their own picture
  }

  private enterNew(entered: Entered): SignInAnswer {
    this.entered = entered;
    this.phone.gate.value = "new-pin";
    return { ok: true, session: entered.session };
  }

  private async enterOwn({ id, slot }: Profile, session: Session, escrow: string): Promise<SignInAnswer> {
    this.phone.choose(id);
    const vault = await this.phone.vault(id);
    if (this.phone.gate.value === "open") await this.phone.goOn(session, escrow);
    else if (await vault.recover(escrow)) {
      await this.phone.sessions.keep(session);
      this.phone.gate.value = "new-pin";
    } else {
      await this.ways.undo(slot);
      return { ok: false, error: "not-this-phone", reason: "" };
    }
    return { ok: true, session };
  }
}
