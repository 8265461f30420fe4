/** Says on today's page that the app can be on the home screen, until it is, or until someone says "no more". */
import { reminds } from "../app/installing";
import { to } from "../app/router";
import { t } from "../texts";
import { Icon } from "../ui/Icon";

export function InstallReminder(_: object) {
  if (!reminds.value) return null;
  return (
    <a class="button is-wide" href={to("install")}>
      <Icon name="device" />
      <span>
        {t("install.title")}
        <span class="button-hint">{t("install.hint")}</span>
      </span>
    </a>
  );
}
