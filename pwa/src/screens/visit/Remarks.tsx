import { obstacles } from "../../app/choices";
import { useRef } from "preact/hooks";
import { pick, t } from "../../texts";
import { ChooseMany } from "../../ui/Choices";
import { Field } from "../../ui/Field";
import type { Form } from "../Visit";

/** Obstacles of the whole household and a note: folded away until wanted. */
export function Remarks({ form }: { form: Form }) {
  const draft = form.value;
  const open = useRef(Boolean(draft.note || draft.obstacles.length));
  return (
    <details class="more" open={open.current}>
      <summary>{t("visit.note.add")}</summary>
      <div class="stack">
        <ChooseMany
          legend={t("visit.obstacles")}
          quiet
          values={draft.obstacles}
          onChange={(keys) => (form.value = { ...form.value, obstacles: keys })}
          options={obstacles.value.map((one) => ({ value: one.key, label: pick(one.short) }))}
        />
        <Field
          label={t("visit.note")}
          hint={t("visit.note.hint")}
          value={draft.note}
          rows={3}
          maxLength={2000}
          guarded
          onInput={(note) => (form.value = { ...form.value, note })}
        />
      </div>
    </details>
  );
}
