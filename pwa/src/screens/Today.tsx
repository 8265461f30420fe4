/** The day: what was done, who is due, where to go next. */
import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { ScreenProps } from "../app/App";
import { outcomeIcon, outcomeName } from "../app/choices";
import { draftKey } from "../app/forms";
import { lazy } from "../app/lazy";
import { Screen } from "../app/Screen";
import { to } from "../app/router";
import { clock, longDay, number, weekStart } from "../app/time";
import { dayOf, doors, draft, followUps, session, today, totals, visitLines, type Door, type VisitLine } from "../data";
import { t } from "../texts";
import { DoorRow, Plate, restOf } from "../ui/DoorRow";
import { Icon } from "../ui/Icon";
import { Lost } from "../ui/Lost";
import { StateMark } from "../ui/Receipt";
import type { VisitDraft } from "./record";

/** May come a moment later: the browser's offer does so too. */
const InstallReminder = lazy(async () => (await import("./arriving")).InstallReminder, ["joining"], null);

export function Today(_: ScreenProps) {
  const day = today();
  const mine = visitLines.value.filter((visit) => visit.by === session.value?.person.id && dayOf(visit.at) === day);
  const due = followUps(day);
  return (
    <Screen title={t("nav.today")} heading={<Heading day={day} />}>
      <Lost />
      <Unfinished />
      <Numbers day={day} />
      <Next day={day} />
      <a class="button is-wide" href={to("tally")}>
        <Icon name="desk" />
        <span>
          {t("today.tally")}
          <span class="button-hint">{t("today.tally.hint")}</span>
        </span>
      </a>
      <a class="button is-wide" href={to("card")}>
        <Icon name="id-card" />
        {t("today.card")}
      </a>
      <a class="button is-wide" href={to("photos")}>
        <Icon name="camera" />
        {t("today.photos")}
      </a>
      <InstallReminder />
      <section aria-labelledby="due">
        <h2 id="due">{t("today.follow-ups", { n: due.length })}</h2>
        {due.length ? <ul class="rows">{due.slice(0, 30).map((door) => <DoorRow key={door.id} door={door} />)}</ul> : <p class="hint">{t("today.follow-ups.none")}</p>}
      </section>
      <section aria-labelledby="done">
        <h2 id="done">{t("today.visits", { n: mine.length })}</h2>
        {mine.length ? <ul class="rows">{mine.map((visit) => <VisitRow key={visit.id} visit={visit} />)}</ul> : <p class="hint">{t("today.visits.none")}</p>}
      </section>
    </Screen>
  );
}

function Heading({ day }: { day: string }) {
  return (
    <>
      <span class="title-small">{t("today.hello", { name: session.value?.person.name ?? "" })}</span>
      <span class="title-main">
        {t("nav.today")}
        <span class="visually-hidden">, </span>
        <span class="title-day">{longDay(day)}</span>
      </span>
    </>
  );
}

function Numbers({ day }: { day: string }) {
  // read here, so that the numbers follow the list
  void visitLines.value;
  const now = totals({ from: day, to: day });
  const week = totals({ from: weekStart(day), to: day });
  const rows = [
    { name: t("today.doors"), now: now.doors, week: week.doors },
    { name: t("today.acts"), now: now.acts, week: week.acts },
    { name: t("today.people"), now: now.people, week: week.people },
  ];
  return (
    <section class="numbers" aria-label={t("today.numbers")}>
      {rows.map((row) => (
        <p key={row.name} class="numbers-one">
          <span class="numbers-now">{number(row.now)}</span> <span class="numbers-name">{row.name}</span>{" "}
          <span class="numbers-week">
            {t("today.numbers.week")}: {number(row.week)}
          </span>
        </p>
      ))}
    </section>
  );
}

/** The next door in walking order that nobody has knocked at, after the last one of today. */
export function nextDoor(list: Door[], lines: VisitLine[], day: string): Door | undefined {
  const last = lines.find((visit) => visit.household && dayOf(visit.at) === day)?.household;
  const from = list.findIndex((door) => door.id === last) + 1;
  const around = [...list.slice(from), ...list.slice(0, from)];
  return around.find((door) => !door.last);
}

function Next({ day }: { day: string }) {
  const door = nextDoor(doors.value, visitLines.value, day);
  if (!doors.value.length)
    return (
      <a class="button is-primary is-wide" href={to("households")}>
        <Icon name="houses" />
        {t("nav.households")}
      </a>
    );
  if (!door) return <p class="hint">{t("today.next.none")}</p>;
  return (
    <a class="next-door" href={to("household", { id: door.id })}>
      <Plate address={door.address} />
      <span class="next-text">
        <span class="next-word">{t("today.next")}</span> <span class="next-line">{restOf(door.address) || door.line}</span>
      </span>
      <Icon name="arrow" large />
    </a>
  );
}

function VisitRow({ visit }: { visit: VisitLine }) {
  const door = doors.value.find((one) => one.id === visit.household);
  const href = visit.household ? to("household", { id: visit.household }) : to("amendTally", { visit: visit.id });
  const name = door?.line ?? t(visit.household ? "today.visits.moved" : "today.visits.at-desk");
  return (
    <li class="row">
      <a class="row-link" href={href}>
        {door ? (
          <Plate address={door.address} />
        ) : (
          <span class="plate is-desk">
            <Icon name="desk" />
          </span>
        )}
        <span class="row-text">
          <span class="row-title">{door ? restOf(door.address) || name : name}</span>
          <span class="row-facts">
            <span class="fact">{clock(visit.at)}</span>
            {visit.household ? (
              <span class="fact">
                <Icon name={outcomeIcon[visit.outcome]} />
                {outcomeName(visit.outcome)}
              </span>
            ) : null}
            {visit.acts ? <span class="fact">{t("today.acts.count", { n: visit.acts })}</span> : null}
            {visit.withdrawn ? <span class="fact">{t("today.withdrawn")}</span> : null}
          </span>
          <StateMark state={visit.state} />
        </span>
        <Icon name="forward" />
      </a>
    </li>
  );
}

/** A form that was interrupted the last time. */
function Unfinished() {
  const found = useSignal<string | null>(null);
  useEffect(() => {
    void draft<string>("last-form").then(async (household) => {
      if (household && (await draft<VisitDraft>(draftKey(household)))) found.value = household;
    });
  }, []);
  if (!found.value) return null;
  const door = doors.value.find((one) => one.id === found.value);
  return (
    <aside class="card is-wait">
      <p>
        <Icon name="edit" /> {t("today.draft")}: <strong>{door?.line}</strong>
      </p>
      <a class="button" href={to("visit", { id: found.value })}>
        {t("today.draft.open")}
      </a>
    </aside>
  );
}
