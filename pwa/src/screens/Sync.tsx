/** What has reached the ward and what has not, in plain words; the phone itself; the account. */
import { useSignal } from "@preact/signals";
import type { ScreenProps } from "../app/App";
import { installed } from "../app/installation";
import { Screen } from "../app/Screen";
import { to } from "../app/router";
import { moment, number } from "../app/time";
import { askToKeep, catalog, doors, session, shell, signOut, storage, sync, syncNow, visitLines, type PhotoCounts, type SyncState } from "../data";
import { language, speak, t, tOr, type Key, type Language } from "../texts";
import { ChooseOne, Problem } from "../ui/Choices";
import { DoorRow } from "../ui/DoorRow";
import { Icon } from "../ui/Icon";
import { Lost } from "../ui/Lost";
import { HandOver } from "./HandOver";
import { LockSettings } from "./LockSettings";

export function Sync(_: ScreenProps) {
  return (
    <Screen title={t("sync.title")}>
      <Lost />
      <Counts />
      <Now />
      <Apart />
      <HandOver />
      <Device />
      <Languages />
      <LockSettings />
      <Account />
    </Screen>
  );
}

function Languages() {
  const failed = useSignal(false);
  const choose = async (value: string) => void (failed.value = !(await speak(value as Language)));
  return (
    <ChooseOne
      legend={t("sync.language")}
      value={language.value}
      onChange={(value) => void choose(value)}
      error={failed.value ? t("sync.language.offline") : undefined}
      options={[
        { value: "vi", label: "Tiếng Việt" },
        { value: "en", label: "English" },
      ]}
    />
  );
}

function Counts() {
  const { waiting, accepted, refused, counted, photos } = sync.value;
  const rows = [
    { kind: "waiting", tone: "wait", value: waiting },
    { kind: "accepted", tone: "ok", value: accepted },
    { kind: "refused", tone: "bad", value: refused },
  ] as const;
  return (
    <section aria-label={t("sync.counts")} data-testid="sync-counts">
      <ul class="counts">
        {rows.map((row) => (
          <li key={row.kind} class={`counts-one is-${row.tone} ${row.value ? "" : "is-none"}`} data-testid={`count-${row.kind}`}>
            <Icon name={row.kind} />
            <span class="counts-number">{counted ? number(row.value) : "…"}</span>
            <span>{t(`state.${row.kind}`)}</span>
          </li>
        ))}
      </ul>
      {counted ? <p>{summary(sync.value)}</p> : null}
      {photos?.waiting || photos?.refused ? (
        <a class="button is-wide" href={to("photos")}>
          {t("sync.photos.open")}
        </a>
      ) : null}
      {refused > (photos?.refused ?? 0) ? (
        <a class="button is-wide is-bad" href={to("refused")}>
          <Icon name="refused" />
          {t("sync.refused.open")}
        </a>
      ) : null}
    </section>
  );
}

const NO_PHOTOS: PhotoCounts = { waiting: 0, refused: 0 };

function summary({ waiting, refused, photos = NO_PHOTOS }: SyncState): string {
  const records = { waiting: waiting - photos.waiting, refused: refused - photos.refused };
  const parts = [
    records.waiting ? t("sync.waiting", { n: records.waiting }) : "",
    photos.waiting ? t(photos.held ? "sync.photos.held" : "sync.photos", { n: photos.waiting }) : "",
    records.refused ? t("sync.refused", { n: records.refused }) : "",
    photos.refused ? t("sync.photos.refused", { n: photos.refused }) : "",
  ];
  return parts.filter(Boolean).join(" ") || t("sync.fine");
}

function Now() {
  const { phase, error, last, nextTry } = sync.value;
  const busy = phase === "push" || phase === "pull";
  const signedOut = phase === "signed-out";
  const code = signedOut ? (error ?? "signed-out") : phase === "offline" ? "offline" : phase === "failed" ? (error ?? "other") : undefined;
  return (
    <section class="stack" aria-label={t("sync.now")}>
      <div role="status">{code ? <Problem kind="wait">{tOr(`sync.error.${code}`, "sync.error.other", { code })}</Problem> : null}</div>
      {signedOut ? (
        <a class="button is-primary is-wide" href={to("sync", {}, { "dang-nhap": "1" })}>
          {t("sync.sign-in")}
        </a>
      ) : (
        <button type="button" class="button is-primary is-wide" disabled={busy} onClick={() => void syncNow()}>
          <Icon name="send" />
          {busy ? t("sync.busy") : t("sync.now")}
        </button>
      )}
      <p class="hint">
        {last ? t("sync.last", { time: moment(last) }) : t("sync.last.never")}
        {nextTry && code ? ` · ${t("sync.next", { time: moment(nextTry) })}` : ""}
      </p>
    </section>
  );
}

const MOST = 20; // rows

/** Where two people edited the same, so that someone of the unit chooses. */
function Apart() {
  const doorsApart = doors.value.filter((door) => door.apart);
  const tallies = visitLines.value.filter((line) => line.apart && !line.household);
  if (!doorsApart.length && !tallies.length) return null;
  return (
    <section class="stack" aria-labelledby="apart" data-testid="apart">
      <h2 id="apart">{t("contest.title")}</h2>
      <p class="hint">{t("sync.apart")}</p>
      <ul class="rows">
        {doorsApart.slice(0, MOST).map((door) => (
          <DoorRow key={door.id} door={door} />
        ))}
      </ul>
      {tallies.slice(0, MOST).map(({ id, at }) => (
        <a key={id} class="button" href={to("amendTally", { visit: id })}>
          {t("today.visits.at-desk")} · {moment(at)}
        </a>
      ))}
    </section>
  );
}

function Device() {
  const { left, persisted, low } = storage.value;
  return (
    <section aria-labelledby="device">
      <h2 id="device">{t("sync.device")}</h2>
      {low ? <Problem kind="wait">{t("sync.storage.low")}</Problem> : null}
      <dl class="facts">
        <dt>{t("sync.storage")}</dt>
        <dd>{left === undefined ? t("sync.storage.unknown") : bytes(left)}</dd>
        <dt>{t("sync.ready")}</dt>
        <dd>{t(readiness())}</dd>
        <dt>{t("sync.persisted")}</dt>
        <dd>{persisted === undefined ? t("sync.storage.unknown") : t(keeping(persisted))}</dd>
        <dt>{t("sync.version")}</dt>
        <dd>{import.meta.env.VITE_VERSION}</dd>
      </dl>
      <Keeping persisted={persisted} />
    </section>
  );
}

function readiness(): Key {
  if (shell.value === "never") return "sync.ready.never";
  return shell.value === "kept" && catalog.value && sync.value.last ? "sync.ready.yes" : "sync.ready.no";
}

function keeping(persisted: boolean): Key {
  if (persisted) return "sync.persisted.yes";
  return installed.value ? "sync.persisted.installed" : "sync.persisted.no";
}

/** Ways to make the browser keep the data, as long as it has not promised to. */
function Keeping({ persisted }: { persisted: boolean | undefined }) {
  const answered = useSignal(false);
  const ask = async () => {
    await askToKeep();
    answered.value = true;
  };
  return (
    <div class="stack">
      <p role="status">{answered.value ? t(persisted ? "sync.persisted.given" : "sync.persisted.denied") : ""}</p>
      {installed.value ? null : (
        <a class="button" href={to("install")}>
          <Icon name="device" />
          {t("sync.install")}
        </a>
      )}
      {persisted === false ? (
        <button type="button" class="button" onClick={() => void ask()}>
          {t("sync.persisted.ask")}
        </button>
      ) : null}
    </div>
  );
}

function bytes(value: number): string {
  return value >= 1e9 ? `${number(Math.round(value / 1e8) / 10)} GB` : `${number(Math.round(value / 1e6))} MB`;
}

function Account() {
  const asking = useSignal(false);
  const problem = useSignal("");
  const person = session.value?.person;
  const { waiting, refused } = sync.value;
  const leave = async () => {
    const answer = await signOut();
    if (!answer.ok) problem.value = answer.error === "waiting" ? t("sync.sign-out.waiting", { n: answer.waiting }) : t("sync.sign-out.offline");
  };
  return (
    <section class="stack" aria-labelledby="account">
      <h2 id="account">{t("sync.account")}</h2>
      <dl class="facts">
        <dt>{person?.name}</dt>
        <dd>{person ? t(`sync.account.role.${person.role}`) : ""}</dd>
        <dt>{t("sync.account.unit")}</dt>
        <dd>
          {session.value?.unit.name}, {session.value?.ward.name}
        </dd>
      </dl>
      {session.value?.may?.includes("unit-progress") ? (
        <a class="button" href="/desk">
          {t("sync.desk")}
        </a>
      ) : null}
      <div role="alert">
        {problem.value ? <Problem>{problem.value}</Problem> : asking.value && waiting ? <Problem>{t("sync.sign-out.waiting", { n: waiting })}</Problem> : null}
      </div>
      {asking.value && !waiting ? (
        <>
          <p>
            <strong>{t("sync.sign-out.sure")}</strong>
          </p>
          {refused ? <p>{t("sync.sign-out.refused")}</p> : null}
          <div class="buttons">
            <button type="button" class="button is-bad" onClick={() => void leave()}>
              {t("sync.sign-out.yes")}
            </button>
            <button type="button" class="button" onClick={() => (asking.value = false)}>
              {t("sync.sign-out.no")}
            </button>
          </div>
        </>
      ) : (
        <button type="button" class="button" onClick={() => (asking.value = true)}>
          {t("sync.sign-out")}
        </button>
      )}
    </section>
  );
}
