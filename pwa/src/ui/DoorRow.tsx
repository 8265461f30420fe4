/** A door as a row: its number as on the plate at the gate, the rest of the address, what happened last. */
import { outcomeIcon, outcomeName } from "../app/choices";
import { to } from "../app/router";
import { relativeDay } from "../app/time";
import { dayOf, today, type Address, type Door } from "../data";
import { t } from "../texts";
import { Icon } from "./Icon";
import { StateMark } from "./Receipt";

/** The enamel plate with the house number; a household without one shows a door. */
export function Plate({ address, large }: { address: Address; large?: boolean }) {
  const number = address.house || address.unit_text;
  const long = (number?.length ?? 0) > 7;
  return (
    <span class={`plate${large ? " is-large" : ""}${long ? " is-long" : ""}`}>
      {number ? number : <Icon name="door" />}
    </span>
  );
}

/** The address without what the plate shows. */
export function restOf(address: Address): string {
  const { house, lane, street, building, unit_text } = address;
  return [lane, street, building, house ? unit_text : ""].filter(Boolean).join(", ");
}

export function DoorRow({ door }: { door: Door }) {
  return (
    <li class="row">
      <a class="row-link" href={to("household", { id: door.id })}>
        <Plate address={door.address} />
        <span class="row-text">
          <span class="row-title">{restOf(door.address) || door.line}</span>
          <span class="row-facts">
            <Last door={door} />
            {door.kind === "business" ? <Fact icon="shop" text={t("list.business")} /> : null}
            {door.people > 0 ? <Fact icon="person" text={t("list.people", { n: door.people })} /> : null}
          </span>
          {door.followUp ? <FollowUp door={door} /> : null}
          {door.apart ? <Fact icon="warning" text={t("list.apart")} /> : null}
          {door.state === "accepted" ? null : <StateMark state={door.state} />}
        </span>
        <Icon name="forward" />
      </a>
    </li>
  );
}

function Fact({ icon, text }: { icon: string; text: string }) {
  return (
    <span class="fact">
      <Icon name={icon} />
      {text}
    </span>
  );
}

function Last({ door }: { door: Door }) {
  if (!door.last) return <span class="fact is-faint">{t("list.untouched")}</span>;
  const { outcome, at } = door.last;
  return <Fact icon={outcomeIcon[outcome]} text={`${outcomeName(outcome)}, ${relativeDay(dayOf(at))}`} />;
}

function FollowUp({ door }: { door: Door }) {
  const { on, why } = door.followUp as NonNullable<Door["followUp"]>;
  const late = on < today();
  const day = late ? t("time.overdue", { day: relativeDay(on) }) : t("list.follow-up", { day: relativeDay(on) });
  return (
    <span class={late ? "fact is-late" : "fact is-due"}>
      <Icon name="calendar" />
      <span>
        {day}: {why}
      </span>
    </span>
  );
}
