/** The browser inside Zalo or another app: explain the way out with the same address, take no data. */
import { useRef } from "preact/hooks";
import { Brand } from "../app/Header";
import { chromeAddress } from "../app/chrome";
import { isApple } from "../app/installation";
import { Screen } from "../app/Screen";
import { t } from "../texts";
import { CopyButton } from "../ui/CopyButton";
import { Icon } from "../ui/Icon";
import { PictureSteps, type PictureStep } from "../ui/PictureSteps";

export function InsideAnother(_: object) {
  const browser = isApple() ? "Safari" : "Chrome";
  const chrome = chromeAddress(navigator.userAgent, location.href);
  const steps: PictureStep[] = [
    { text: t("zalo.menu"), drawing: "menu" },
    { text: t("zalo.open", { browser }), drawing: "browser" },
  ];
  return (
    <>
      <header class="header">
        <Brand />
      </header>
      <Screen title={t("zalo.title")}>
        <p>{t("zalo.intro", { browser })}</p>
        {chrome ? (
          <>
            <a class="button is-primary is-wide" href={chrome}>
              <Icon name="arrow" />
              {t("zalo.chrome")}
            </a>
            <p class="hint">{t("zalo.by-hand")}</p>
          </>
        ) : null}
        <PictureSteps label={t("zalo.steps")} steps={steps} />
        <Address browser={browser} />
      </Screen>
    </>
  );
}

function Address({ browser }: { browser: string }) {
  const address = useRef<HTMLParagraphElement>(null);
  return (
    <section class="stack" aria-label={t("zalo.copy")}>
      <p>{t("zalo.address", { browser })}</p>
      <p ref={address} class="code address-to-copy">
        {location.href}
      </p>
      <CopyButton of={address} label={t("zalo.copy")} done={t("zalo.copied", { browser })} />
    </section>
  );
}
