import type { ComponentChildren } from "preact";
import { noteSeen, session, sync } from "../data";
import { t } from "../texts";
import { Problem } from "../ui/Choices";

/** What is no longer on this phone, and why: said wherever one looks first. */
export function Gone() {
  const { lost, erased, moved, left } = sync.value;
  return (
    <>
      {lost ? <Problem>{t("sync.lost", { n: lost })}</Problem> : null}
      {erased ? <Note id="erased">{t("sync.erased", { n: erased })}</Note> : null}
      {moved ? <Note id="moved">{t("sync.moved", { n: moved })}</Note> : null}
      {left ? (
        <Note id="left">
          {t("sync.left", { unit: session.value?.unit.name ?? "" })}
          {left.records ? ` ${t("sync.left.records", { n: left.records })}` : ""}
          {left.drafts ? ` ${t("sync.left.drafts", { n: left.drafts })}` : ""}
        </Note>
      ) : null}
    </>
  );
}

/** Said until someone has read it. */
function Note({ id, children }: { id: string; children: ComponentChildren }) {
  return (
    <div class="stack" role="status" data-testid={id}>
      <Problem kind="wait">{children}</Problem>
      <button type="button" class="button" onClick={() => void noteSeen()}>
        {t("sync.erased.seen")}
      </button>
    </div>
  );
}
