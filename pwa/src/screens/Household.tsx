import { useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { ScreenProps } from "../app/App";
import { bandName, levelName, obstacleName, outcomeIcon, outcomeName, referralName, serviceName } from "../app/choices";
import { lazy } from "../app/lazy";
import { Screen } from "../app/Screen";
import { to } from "../app/router";
import { moment, relativeDay } from "../app/time";
import { doors, openHousehold, session, visitLines, type HouseholdView, type Person, type Visit } from "../data";
import { t } from "../texts";
import { DoorRow, Plate, restOf } from "../ui/DoorRow";
import { Icon } from "../ui/Icon";
import { ReceiptLine } from "../ui/Receipt";

/** Fetched apart: hardly any door has a contest. */
export const Contests = lazy(async () => (await import("./Contests")).Contests, undefined, null);

/** The view of a household, read again whenever the list changes; null when there is none. */
export function useHousehold(id: string) {
  const view = useSignal<HouseholdView | null | undefined>(undefined);
  useSignalEffect(() => {
    void doors.value;
    void visitLines.value;
    void openHousehold(id).then(
      (opened) => (view.value = opened),
      () => (view.value ??= null),
    );
  });
  return view;
}

export function Household({ params }: ScreenProps) {
  const id = params.id ?? "";
  const view = useHousehold(id).value;
  const door = doors.value.find((one) => one.id === id);
  const address = view?.household.address.value ?? door?.address;
  const line = view?.line ?? door?.line ?? "";
  if (view === null) return <Missing id={id} />;
  return (
    <Screen
      title={t("nav.households")}
      heading={address ? <Address address={address} line={line} /> : line || t("app.loading")}
      bar={
        <a class="button is-primary is-wide" href={to("visit", { id })}>
          <Icon name="door" />
          {t("household.visit")}
        </a>
      }
    >
      {view ? <Content view={view} id={id} /> : null}
    </Screen>
  );
}

/** Why a household cannot be shown: one that stands in the list is there, only its record could not be opened. */
export function whyMissing(id: string): string {
  return t(doors.value.some((one) => one.id === id) ? "household.unreadable" : "household.missing");
}

function Missing({ id }: { id: string }) {
  return (
    <Screen title={t("nav.households")}>
      <p>{whyMissing(id)}</p>
      <a class="button" href={to("households")}>
        {t("nav.households")}
      </a>
    </Screen>
  );
}

function Address({ address, line }: { address: HouseholdView["household"]["address"]["value"]; line: string }) {
  return (
    <span class="address">
      <Plate address={address} large />
      <span>{restOf(address) || line}</span>
    </span>
  );
}

function Content({ view, id }: { view: HouseholdView; id: string }) {
  const contested = useRef(false); // what was just settled is still told
  contested.current ||= view.apart.length > 0;
  return (
    <>
      {contested.current ? <Contests apart={view.apart} people={view.people} /> : null}
      <section aria-labelledby="people">
        <h2 id="people">{t("household.people")}</h2>
        {view.people.length ? (
          <ul class="cards">
            {view.people.map((person) => (
              <PersonCard key={person.resident._id} person={person} household={id} />
            ))}
          </ul>
        ) : (
          <p class="hint">{t("household.people.none")}</p>
        )}
        {view.restricted ? <p class="hint">{t("household.people.restricted", { n: view.restricted })}</p> : null}
        <div class="buttons">
          <a class="button" href={to("newPerson", { id })}>
            <Icon name="plus" />
            {t("household.person.new")}
          </a>
          <a class="button" href={to("editHousehold", { id })}>
            <Icon name="edit" />
            {t("household.edit")}
          </a>
        </div>
      </section>
      <section aria-labelledby="visits">
        <h2 id="visits">{t("household.visits")}</h2>
        {view.visits.length ? (
          <ol class="cards">
            {view.visits.map((one) => (
              <VisitCard key={one.visit._id} one={one} view={view} />
            ))}
          </ol>
        ) : (
          <p class="hint">{t("household.visits.none")}</p>
        )}
      </section>
      {view.next.length ? (
        <section aria-labelledby="next">
          <h2 id="next">{t("household.next")}</h2>
          <ul class="rows">
            {view.next.map((door) => (
              <DoorRow key={door.id} door={door} />
            ))}
          </ul>
        </section>
      ) : null}
    </>
  );
}

function PersonCard({ person, household }: { person: Person; household: string }) {
  const levels = Object.entries(person.levels);
  return (
    <li class="card person">
      <div class="person-head">
        <p class="card-title">
          {person.name} <span class="tag">{bandName(person.ageBand)}</span>
        </p>
        <a
          class="button is-small"
          href={to("editPerson", { id: household, person: person.resident._id })}
          aria-label={`${t("action.edit")}: ${person.name}`}
        >
          <Icon name="edit" />
          {t("action.edit")}
        </a>
      </div>
      {levels.length ? (
        <ul class="tags">
          {levels.map(([service, level]) => (
            <li key={service} class="tag is-done">
              <Icon name="check" />
              {serviceName(service)}: {levelName(service, level)}
            </li>
          ))}
        </ul>
      ) : (
        <p class="hint">{t("household.person.none")}</p>
      )}
    </li>
  );
}

function VisitCard({ one, view }: { one: HouseholdView["visits"][number]; view: HouseholdView }) {
  const { visit, receipt, mayAmend } = one;
  const record = visit.record.value;
  const who = record.withdrawn ? "is-withdrawn" : "";
  return (
    <li class={`card visit ${who}`} data-testid="visit">
      <p class="card-title">
        <Icon name={outcomeIcon[record.outcome]} /> {outcomeName(record.outcome)}
        <span class="card-when">{moment(record.at)}</span>
      </p>
      <p class="hint">{author(visit)}</p>
      {record.withdrawn ? (
        <p class="mark is-wait">
          <Icon name="undo" />
          <span>{t("household.withdrawn")}</span>
        </p>
      ) : null}
      <Helps visit={visit} people={view.people} />
      {record.obstacles?.length ? <p class="fact">{record.obstacles.map(obstacleName).join(", ")}</p> : null}
      {record.follow_up ? (
        <p class="fact is-due">
          <Icon name="calendar" />
          {t("household.follow-up", { day: relativeDay(record.follow_up.on), why: record.follow_up.why })}
        </p>
      ) : null}
      {record.note ? <p class="note">{record.note}</p> : null}
      <ReceiptLine receipt={receipt} />
      {mayAmend && !record.withdrawn ? (
        <a class="button is-small" href={to("amend", { id: view.household._id, visit: visit._id })}>
          <Icon name="edit" />
          {t("household.amend")}
        </a>
      ) : null}
    </li>
  );
}

/** Of someone of the unit. */
export function nameOf(person: string): string {
  return session.value?.members?.[person] ?? person.replace(/^person:/, "");
}

function author(visit: Visit): string {
  const parts = [];
  if (visit.created.by === session.value?.person.id) parts.push(t("household.by.me"));
  else parts.push(t("household.by", { name: nameOf(visit.created.by) }));
  if (visit.history?.length) parts.push(`${t("household.amended")} ${moment(visit.record.at)}`);
  return parts.join(" · ");
}

/** What was done for whom, one line a person. */
export function Helps({ visit, people }: { visit: Visit; people: Person[] }) {
  const helps = visit.record.value.helps ?? [];
  if (!helps.length) return null;
  return (
    <ul class="helps">
      {helps.map((help, index) => {
        const person = people.find((one) => one.resident._id === help.person);
        const name = person?.name ?? `${t("household.anonymous")}${help.age_band ? ` (${bandName(help.age_band, true)})` : ""}`;
        const more = [help.obstacle && obstacleName(help.obstacle), help.referral && referralName(help.referral)].filter(Boolean);
        return (
          <li key={index}>
            <strong>
              {name}
              {help.count && help.count > 1 ? ` × ${help.count}` : ""}
            </strong>
            : {serviceName(help.service)} – {levelName(help.service, help.level)}
            {more.length ? ` (${more.join("; ")})` : ""}
          </li>
        );
      })}
    </ul>
  );
}
