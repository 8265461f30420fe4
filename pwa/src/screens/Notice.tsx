/** What residents are told about their data, to be read out or handed over: the catalog's text, as on the server's /thong-bao. */
import type { ScreenProps } from "../app/App";
import { Screen } from "../app/Screen";
import { catalog } from "../data";
import { pick, t } from "../texts";

export function Notice(_: ScreenProps) {
  return (
    <Screen title={t("notice.title")}>
      <NoticeText />
      <p class="hint">{t("notice.paper", { address: `${location.host}/thong-bao` })}</p>
    </Screen>
  );
}

/** The whole notice that a consent given now refers to. */
export function NoticeText() {
  const current = catalog.value?.consents.find((one) => one.current);
  if (!current?.notice) return <p>{t("notice.missing")}</p>;
  return (
    <div class="stack">
      {current.notice.map((part) => (
        <section key={part.title.vi} class="stack">
          <h2>{pick(part.title)}</h2>
          <p>{pick(part.text)}</p>
        </section>
      ))}
      <p class="hint">{t("notice.version", { version: current.key })}</p>
    </div>
  );
}
