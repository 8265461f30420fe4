import { noteErased, sync } from "../data";
import { t } from "../texts";
import { Problem } from "./Choices";

/** What is no longer on this phone, and why: said wherever one looks first. */
export function Lost() {
  const { lost, erased } = sync.value;
  return (
    <>
      {lost ? <Problem>{t("sync.lost", { n: lost })}</Problem> : null}
      {erased ? (
        <div class="stack" role="status" data-testid="erased">
          <Problem kind="wait">{t("sync.erased", { n: erased })}</Problem>
          <button type="button" class="button" onClick={() => void noteErased()}>
            {t("sync.erased.seen")}
          </button>
        </div>
      ) : null}
    </>
  );
}
