import { Brand } from "../app/Header";
import { Screen } from "../app/Screen";
import { number } from "../app/time";
import { sync } from "../data";
import { t } from "../texts";
import { Problem } from "../ui/Choices";

export function FirstSync(_: object) {
  const { progress, phase } = sync.value;
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
        {phase === "offline" ? <Problem kind="wait">{t("first.offline")}</Problem> : null}
      </Screen>
    </>
  );
}
