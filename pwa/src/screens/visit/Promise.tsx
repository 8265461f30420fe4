import { today } from "../../data";
import { addDays, longDay } from "../../app/time";
import { t } from "../../texts";
import { ChooseOne } from "../../ui/Choices";
import { Field } from "../../ui/Field";
import { followUpDay, gaps, type When } from "../record";
import type { Form } from "../Visit";

const whens = ["none", "tomorrow", "three", "week", "pick"] as const;
const whys = ["1", "2", "3", "4"] as const;

/** The promise to come back: which day, and what for. */
export function Promise({ form, tried, amending }: { form: Form; tried: boolean; amending: boolean }) {
  const draft = form.value;
  const day = followUpDay(draft, today());
  const wrong = tried && gaps(draft, today(), amending).some((gap) => gap.kind === "day");
  const choose = (value: string) => {
    form.value = { ...draft, when: value as When, day: value === "pick" ? draft.day || addDays(today(), 1) : draft.day, why: draft.why || t("visit.follow-up.why.1") };
  };
  const reasons = whys.map((key) => t(`visit.follow-up.why.${key}`));
  return (
    <>
      <ChooseOne
        legend={t("visit.follow-up")}
        value={draft.when}
        onChange={choose}
        options={whens.map((value) => ({ value, label: t(`visit.follow-up.${value}`) }))}
      />
      {draft.when === "none" ? null : (
        <div class="card stack">
          {draft.when === "pick" ? (
            <Field
              label={t("visit.follow-up.day")}
              type="date"
              min={today()}
              value={draft.day}
              onInput={(value) => (form.value = { ...form.value, day: value })}
              error={wrong ? t("visit.error.day") : undefined}
            />
          ) : (
            <p class="promise-day">{longDay(day)}</p>
          )}
          <ChooseOne
            legend={t("visit.follow-up.why")}
            quiet
            value={draft.why}
            onChange={(why) => (form.value = { ...form.value, why })}
            options={reasons.map((label) => ({ value: label, label }))}
          />
          <Field
            label={t("visit.follow-up.why.own")}
            value={draft.why}
            onInput={(why) => (form.value = { ...form.value, why })}
            maxLength={300}
            guarded
          />
        </div>
      )}
    </>
  );
}
