/** The two things that every person has here: how we call them, and their age. */
import { ageBands } from "../app/choices";
import type { AgeBand } from "../data";
import { pick, t } from "../texts";
import { ChooseOne } from "../ui/Choices";
import { Field } from "../ui/Field";

const usual = ["1", "2", "3", "4", "5", "6", "7", "8"] as const;

export function LabelField({ value, onChange, error }: { value: string; onChange: (value: string) => void; error?: string | undefined }) {
  return (
    <div class="stack">
      <ChooseOne
        legend={t("person-form.label")}
        value={value}
        onChange={onChange}
        options={usual.map((key) => {
          const label = t(`person-form.label.${key}`);
          return { value: label, label };
        })}
      />
      <Field label={t("person-form.label.own")} hint={t("person-form.label.hint")} value={value} onInput={onChange} maxLength={120} guarded error={error} />
    </div>
  );
}

export function AgeBandChoice({ value, onChange, error }: { value: AgeBand | undefined; onChange: (value: AgeBand) => void; error?: string | undefined }) {
  return (
    <ChooseOne
      legend={t("person-form.band")}
      layout="grid"
      value={value}
      error={error}
      onChange={(band) => onChange(band as AgeBand)}
      options={ageBands.value.map((band) => ({ value: band.key, label: pick(band.name) }))}
    />
  );
}
