/** What a new phone fetches, and at the end that it can be used without a network. */
import { arriving, isFirstSync } from "../app/arrival";
import { installed } from "../app/installation";
import { Brand } from "../app/Header";
import { to } from "../app/router";
import { Screen } from "../app/Screen";
import { number } from "../app/time";
import { catalog, doors, shell, storage, sync, syncNow, type SyncState } from "../data";
import { t, tOr, type Key } from "../texts";
import { Problem } from "../ui/Choices";
import { Icon } from "../ui/Icon";

export function FirstSync(_: object) {
  const book = !isFirstSync();
  const ready = book && catalog.value !== null && shell.value === "kept";
  return (
    <>
      <header class="header">
        <Brand />
      </header>
      <Screen title={t(ready ? "first.ready" : "first.title")}>
        <p role="status">{t(ready ? "first.ready.text" : "first.intro")}</p>
        <ul class="card arrivals">
          <Arrival name="first.app" here={shell.value === "kept"} never={shell.value === "never"} />
          <Arrival name="first.catalog" here={catalog.value !== null} />
          <Arrival name="first.book" here={book} count={book ? t("first.doors", { n: number(doors.value.length) }) : undefined} />
          {book ? null : <Progress />}
        </ul>
        {book ? <Ready ready={ready} /> : <Stuck />}
      </Screen>
    </>
  );
}

function Arrival({ name, here, never, count }: { name: Key; here: boolean; never?: boolean; count?: string | undefined }) {
  return (
    <li class={`arrival ${here ? "is-here" : ""}`}>
      <Icon name={here ? "check" : never ? "warning" : "refresh"} />
      <span class="arrival-name">{t(name)}</span>
      <span>{count ?? t(here ? "first.here" : never ? "first.never" : "first.coming")}</span>
    </li>
  );
}

function Progress() {
  const { progress } = sync.value;
  return (
    <li class="stack">
      <progress class="progress" aria-label={t("first.title")} {...(progress?.total ? { max: progress.total, value: progress.done } : {})} />
      <p class="figure">{progress?.total ? soFar(progress) : t("first.starting")}</p>
    </li>
  );
}

function soFar({ done, total, bytes, left }: NonNullable<SyncState["progress"]>): string {
  const parts = [t("first.progress", { done: number(done), total: number(total) })];
  if (bytes) parts.push(`${number(Math.ceil(bytes / 1000))} kB`);
  if (done < total) parts.push(left < 60 ? t("first.seconds", { n: Math.ceil(left / 5) * 5 }) : t("first.minutes", { n: Math.ceil(left / 60) }));
  return parts.join(" · ");
}

function Stuck() {
  const { phase, error } = sync.value;
  if (phase !== "offline" && phase !== "failed") return null;
  return (
    <>
      <Problem kind="wait">{phase === "offline" ? t("first.offline") : tOr(`sync.error.${error}`, "sync.error.other", { code: error ?? "" })}</Problem>
      <button type="button" class="button is-primary is-wide" onClick={() => void syncNow()}>
        <Icon name="refresh" />
        {t("first.retry")}
      </button>
    </>
  );
}

/** The way on: the book is enough to begin with, all the rest comes while there is a network. */
function Ready({ ready }: { ready: boolean }) {
  const { persisted } = storage.value;
  const leave = () => (arriving.value = false);
  return (
    <>
      <a class={`button is-wide ${ready ? "is-primary" : ""}`} href={to("today")} onClick={leave} data-testid={ready ? "ready" : undefined}>
        <Icon name="arrow" />
        {t("first.go")}
      </a>
      {installed.value ? null : (
        <a class="button is-wide" href={to("install")} onClick={leave}>
          <Icon name="device" />
          {t("install.title")}
        </a>
      )}
      {persisted === undefined ? null : <p class="hint">{t(persisted ? "first.kept" : "first.not-kept")}</p>}
    </>
  );
}
