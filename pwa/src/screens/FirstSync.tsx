import { Brand } from "../app/Header";
import { Screen } from "../app/Screen";
import { number } from "../app/time";
import { sync, syncNow } from "../data";
import { t, tOr } from "../texts";
import { Problem } from "../ui/Choices";
import { Icon } from "../ui/Icon";

export function FirstSync(_: object) {
  const { progress, phase, error } = sync.value;
  const stuck = phase === "offline" || phase === "failed";
  return (
    <>
      <header class="header">
        <Brand />
      </header>
      <Screen title={t("first.title")}>
        <p>{t("first.intro")}</p>
        <div class="card stack">
          <progress
            class="progress"
            aria-label={t("first.title")}
            {...(progress?.total ? { max: progress.total, value: progress.done } : {})}
          />
          <p class="figure" role="status">
            {progress?.total
              ? t("first.progress", { done: number(progress.done), total: number(progress.total) })
              : t("first.starting")}
          </p>
        </div>
        {stuck ? (
          <>
            <Problem kind="wait">
              {phase === "offline" ? t("first.offline") : tOr(`sync.error.${error}`, "sync.error.other", { code: error ?? "" })}
            </Problem>
            <button type="button" class="button is-primary is-wide" onClick={() => void syncNow()}>
              <Icon name="refresh" />
              {t("first.retry")}
            </button>
          </>
        ) : null}
      </Screen>
    </>
  );
}
