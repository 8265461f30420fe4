import { noteSeen, session, sync } from "../data";
import { t } from "../texts";
import { Problem } from "../ui/Choices";

/** What is no longer on this phone, and why: said wherever one looks first. */
export function Gone() {
  const { lost, erased, left } = sync.value;
  return (
    <>
      {lost ? <Problem>{t("sync.lost", { n: lost })}</Problem> : null}
      {erased ? (
        <div class="stack" role="status" data-testid="erased">
          <Problem kind="wait">{t("sync.erased", { n: erased })}</Problem>
          <button type="button" class="button" onClick={() => void noteSeen()}>
            {t("sync.erased.seen")}
          </button>
        </div>
      ) : null}
      {left ? (
        <div class="stack" role="status" data-testid="left">
          <Problem kind="wait">
            {t("sync.left", { unit: session.value?.unit.name ?? "" })}
            {left.records ? ` ${t("sync.left.records", { n: left.records })}` : ""}
            {left.drafts ? ` ${t("sync.left.drafts", { n: left.drafts })}` : ""}
          </Problem>
          <button type="button" class="button" onClick={() => void noteSeen()}>
            {t("sync.erased.seen")}
          </button>
        </div>
      ) : null}
    </>
  );
}
