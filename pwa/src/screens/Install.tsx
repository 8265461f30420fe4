/** The app on the home screen: by the browser's own question where it offers one, else by pictures. */
import { useSignal } from "@preact/signals";
import type { ScreenProps } from "../app/App";
import { installed, offer } from "../app/installation";
import { install, remindNoMore, reminds } from "../app/installing";
import { Screen } from "../app/Screen";
import { t } from "../texts";
import { Icon } from "../ui/Icon";
import { PictureSteps } from "../ui/PictureSteps";
import { installSteps } from "./install-steps";

export function Install(_: ScreenProps) {
  const declined = useSignal(false);
  const ask = async () => {
    declined.value = !(await install());
  };
  return (
    <Screen title={t("install.title")}>
      <p>{t("install.why")}</p>
      <div role="status">{installed.value ? <p class="card">{t("install.done")}</p> : declined.value ? <p class="card">{t("install.declined")}</p> : null}</div>
      {installed.value ? null : offer.value ? (
        <button type="button" class="button is-primary is-wide" onClick={() => void ask()}>
          <Icon name="device" />
          {t("install.button")}
        </button>
      ) : (
        <PictureSteps label={t("install.steps")} steps={installSteps(t("install.open"))} />
      )}
      {reminds.value ? (
        <button type="button" class="button" onClick={remindNoMore}>
          {t("install.later")}
        </button>
      ) : null}
    </Screen>
  );
}
