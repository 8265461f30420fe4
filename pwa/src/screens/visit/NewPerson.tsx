/** A person added in the middle of a visit: how to call them and their age, no more. */
import { useSignal } from "@preact/signals";
import { hasIdNumber } from "../../app/digits";
import { saveResident, type AgeBand } from "../../data";
import { t } from "../../texts";
import { Problem } from "../../ui/Choices";
import { Icon } from "../../ui/Icon";
import { saveProblem } from "../failure";
import { AgeBandChoice, LabelField } from "../person";

export function NewPerson({ household, onAdded, onCancel }: { household: string; onAdded: (id: string) => void; onCancel: () => void }) {
  const label = useSignal("");
  const band = useSignal<AgeBand | undefined>(undefined);
  const error = useSignal("");
  const add = async () => {
    const text = label.value.normalize("NFC").trim();
    if (!text) error.value = t("person-form.error.label");
    else if (hasIdNumber(text)) error.value = t("number.twelve");
    else if (!band.value) error.value = t("person-form.error.band");
    else {
      try {
        onAdded((await saveResident({ household, label: text, age_band: band.value }))._id);
      } catch (cause) {
        error.value = saveProblem(cause);
      }
    }
  };
  return (
    <div class="card stack" role="group" aria-label={t("visit.person.new")}>
      <LabelField value={label.value} onChange={(value) => (label.value = value)} />
      <AgeBandChoice value={band.value} onChange={(value) => (band.value = value)} />
      <div role="alert">{error.value ? <Problem>{error.value}</Problem> : null}</div>
      <div class="buttons">
        <button type="button" class="button is-strong" onClick={() => void add()}>
          <Icon name="check" />
          {t("visit.person.save")}
        </button>
        <button type="button" class="button" onClick={onCancel}>
          {t("action.cancel")}
        </button>
      </div>
    </div>
  );
}
