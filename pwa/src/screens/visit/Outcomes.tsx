import { outcomeIcon, outcomes } from "../../app/choices";
import type { Outcome } from "../../data";
import { pick, t } from "../../texts";
import { ChooseOne } from "../../ui/Choices";
import type { Form } from "../Visit";

export function Outcomes({ form }: { form: Form }) {
  const choose = (value: string) => {
    const outcome = value as Outcome;
    const draft = form.value;
    // who asks us to come back has a day in mind: propose tomorrow
    const promise = outcome === "later" && draft.when === "none" ? { when: "tomorrow" as const, why: draft.why || t("visit.follow-up.why.4") } : {};
    form.value = { ...draft, outcome, ...promise };
  };
  return (
    <ChooseOne
      legend={t("visit.outcome")}
      layout="grid"
      value={form.value.outcome}
      onChange={choose}
      options={outcomes.value.map((one) => ({
        value: one.key,
        label: pick(one.name),
        icon: outcomeIcon[one.key as Outcome] ?? one.icon,
      }))}
    />
  );
}
