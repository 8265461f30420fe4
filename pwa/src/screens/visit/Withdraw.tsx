import { useSignal } from "@preact/signals";
import { go } from "../../app/router";
import { withdrawVisit } from "../../data";
import { t } from "../../texts";
import { Problem } from "../../ui/Choices";
import { Icon } from "../../ui/Icon";
import { saveProblem } from "../failure";

/** Takes a wrong visit out of the numbers; asked twice, on the page, without a dialog. */
export function Withdraw({ id, onDone, next }: { id: string; onDone: () => void; next: string }) {
  const asking = useSignal(false);
  const failure = useSignal("");
  const withdraw = async () => {
    try {
      await withdrawVisit(id);
      onDone();
      go(next, { replace: true });
    } catch (error) {
      failure.value = saveProblem(error);
    }
  };
  return (
    <section class="card stack" aria-labelledby="withdraw">
      <h2 id="withdraw">{t("amend.withdraw")}</h2>
      <p>{t("amend.withdraw.explain")}</p>
      <div role="alert">{failure.value ? <Problem>{failure.value}</Problem> : null}</div>
      {asking.value ? (
        <>
          <p role="status">
            <strong>{t("amend.withdraw.sure")}</strong>
          </p>
          <div class="buttons">
            <button type="button" class="button is-bad" onClick={() => void withdraw()}>
              <Icon name="undo" />
              {t("amend.withdraw.yes")}
            </button>
            <button type="button" class="button" onClick={() => (asking.value = false)}>
              {t("amend.withdraw.no")}
            </button>
          </div>
        </>
      ) : (
        <button type="button" class="button" onClick={() => (asking.value = true)}>
          <Icon name="undo" />
          {t("amend.withdraw")}
        </button>
      )}
    </section>
  );
}
