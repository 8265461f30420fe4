/** The way out when sending never works: what waits, as a file that someone carries to the ward. */
import { useSignal } from "@preact/signals";
import { makeWaitingFile, sync, type HandedOver } from "../data";
import { t } from "../texts";
import { Problem } from "../ui/Choices";
import { Icon } from "../ui/Icon";

export function HandOver() {
  const made = useSignal<HandedOver | undefined>(undefined);
  const problem = useSignal("");
  const { waiting, phase, photos } = sync.value;
  if (waiting === (photos?.waiting ?? 0) || phase === "push") return null;
  const make = async () => {
    made.value = await makeWaitingFile().catch(() => undefined);
    problem.value = made.value ? "" : t("sync.file.failed");
  };
  return (
    <section class="stack" aria-labelledby="file">
      <h2 id="file">{t("sync.file")}</h2>
      <p class="hint">{t("sync.file.what")}</p>
      <div role="alert">{problem.value ? <Problem>{problem.value}</Problem> : null}</div>
      {made.value ? (
        <Ready {...made.value} />
      ) : (
        <button type="button" class="button is-wide" onClick={() => void make()}>
          <Icon name="document" />
          {t("sync.file.make")}
        </button>
      )}
    </section>
  );
}

function Ready({ file, records }: HandedOver) {
  const shares = navigator.canShare?.({ files: [file] }) ?? false;
  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = file.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };
  return (
    <>
      <p role="status">{t("sync.file.ready", { n: records })}</p>
      {shares ? (
        // whoever closes the choice of apps has changed their mind
        <button type="button" class="button is-primary is-wide" onClick={() => void navigator.share({ files: [file] }).catch(() => undefined)}>
          <Icon name="send" />
          {t("sync.file.share")}
        </button>
      ) : null}
      <button type="button" class="button is-wide" onClick={save}>
        <Icon name="document" />
        {t("sync.file.save")}
      </button>
      <p class="hint">{t("sync.file.after")}</p>
    </>
  );
}
