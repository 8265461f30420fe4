/** Zalo's own browser keeps another storage that it may empty: explain the way out, take no data. */
import { useSignal } from "@preact/signals";
import { Brand } from "../app/Header";
import { Screen } from "../app/Screen";
import { t } from "../texts";
import { Icon } from "../ui/Icon";

export function InsideZalo(_: object) {
  const copied = useSignal(false);
  const address = `${location.origin}${import.meta.env.BASE_URL}`;
  const copy = () => void navigator.clipboard?.writeText(address).then(() => (copied.value = true));
  return (
    <>
      <header class="header">
        <Brand />
      </header>
      <Screen title={t("zalo.title")}>
        <p>{t("zalo.intro")}</p>
        <ol class="steps">
          <li>{t("zalo.step-1")}</li>
          <li>{t("zalo.step-2")}</li>
          <li>{t("zalo.step-3")}</li>
        </ol>
        <p class="code">{address}</p>
        <button type="button" class="button is-primary is-wide" onClick={copy}>
          <Icon name="document" />
          {t("zalo.copy")}
        </button>
        <p role="status">{copied.value ? t("zalo.copied") : ""}</p>
      </Screen>
    </>
  );
}
