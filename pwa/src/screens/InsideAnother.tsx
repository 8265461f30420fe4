/** The browser inside Zalo or another app: explain the way out with the same address, take no data. */
import { useSignal } from "@preact/signals";
import { Brand } from "../app/Header";
import { chromeAddress } from "../app/inside-another";
import { Screen } from "../app/Screen";
import { t } from "../texts";
import { Icon } from "../ui/Icon";

export function InsideAnother(_: object) {
  const copied = useSignal(false);
  const address = location.href;
  const chrome = chromeAddress(navigator.userAgent, address);
  const copy = () => void navigator.clipboard?.writeText(address).then(() => (copied.value = true));
  return (
    <>
      <header class="header">
        <Brand />
      </header>
      <Screen title={t("zalo.title")}>
        <p>{t("zalo.intro")}</p>
        {chrome ? (
          <a class="button is-primary is-wide" href={chrome}>
            <Icon name="arrow" />
            {t("zalo.chrome")}
          </a>
        ) : null}
        <ol class="steps">
          <li>{t("zalo.step-1")}</li>
          <li>{t("zalo.step-2")}</li>
          <li>{t("zalo.step-3")}</li>
        </ol>
        <p class="code">{address}</p>
        <button type="button" class={`button is-wide ${chrome ? "" : "is-primary"}`} onClick={copy}>
          <Icon name="document" />
          {t("zalo.copy")}
        </button>
        <p role="status">{copied.value ? t("zalo.copied") : ""}</p>
      </Screen>
    </>
  );
}
