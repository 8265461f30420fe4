/** An invitation in an iPhone's browser: the installed app would know nothing of what is spent here, so nothing is. */
import { useRef } from "preact/hooks";
import { showCode } from "../app/invitation-code";
import { Screen } from "../app/Screen";
import { t } from "../texts";
import { CopyButton } from "../ui/CopyButton";
import { PictureSteps } from "../ui/PictureSteps";
import { installSteps } from "./install-steps";

export function InstallFirst({ code }: { code: string }) {
  return (
    <Screen title={t("install.first")}>
      <p>{t("install.first.why")}</p>
      {code ? <Kept code={code} /> : null}
      <PictureSteps label={t("install.steps")} steps={installSteps(t("install.enter"))} />
      <p class="hint">{t("install.first.done")}</p>
    </Screen>
  );
}

/** The code, to be taken along into the app. */
function Kept({ code }: { code: string }) {
  const shown = useRef<HTMLParagraphElement>(null);
  return (
    <section class="stack" aria-labelledby="code">
      <h2 id="code">{t("install.code")}</h2>
      <p ref={shown} class="code-large">
        {showCode(code)}
      </p>
      <p class="hint">{t("install.code.keep")}</p>
      <CopyButton of={shown} label={t("install.code.copy")} done={t("install.code.copied")} />
    </section>
  );
}
