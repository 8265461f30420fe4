/** When the app locks by itself, locking it now, and another PIN. */
import { useSignal } from "@preact/signals";
import { CHOICES, lockAfter, setLockAfter } from "../app/absence";
import { checkPin, choosePicture, chosen, lock, owners } from "../data";
import { t } from "../texts";
import { ChooseOne, Problem } from "../ui/Choices";
import { Field } from "../ui/Field";
import { freePictures, NewPin } from "./ChoosePin";
import { waitText } from "./Unlock";

export function LockSettings() {
  const step = useSignal<"none" | "present" | "new" | "done">("none");
  const picture = owners.value.find(({ id }) => id === chosen.value)?.picture;
  return (
    <section class="stack" aria-labelledby="lock">
      <h2 id="lock">{t("sync.lock")}</h2>
      <ChooseOne
        legend={t("sync.lock.after")}
        value={String(lockAfter.value)}
        onChange={(value) => setLockAfter(Number(value))}
        options={CHOICES.map((n) => ({ value: String(n), label: t("sync.lock.minutes", { n }) }))}
      />
      {owners.value.length > 1 ? (
        <ChooseOne legend={t("sync.lock.picture")} layout="grid" value={picture} onChange={(value) => void choosePicture(value)} options={freePictures(picture)} />
      ) : null}
      <button type="button" class="button" onClick={() => void lock()}>
        {t("sync.lock.now")}
      </button>
      {step.value === "present" ? <Present done={() => (step.value = "new")} /> : null}
      {step.value === "new" ? <NewPin done={() => (step.value = "done")} /> : null}
      <p role="status">{step.value === "done" ? t("sync.lock.changed") : ""}</p>
      {step.value === "none" || step.value === "done" ? (
        <button type="button" class="button" onClick={() => (step.value = "present")}>
          {t("sync.lock.change")}
        </button>
      ) : null}
    </section>
  );
}

/** Whoever picks up an open phone shall not lock its owner out. */
function Present({ done }: { done: () => void }) {
  const pin = useSignal("");
  const problem = useSignal("");
  const submit = async (event: Event) => {
    event.preventDefault();
    const answer = await checkPin(pin.value);
    if (answer.ok) return done();
    problem.value = answer.wait > 0 ? waitText(answer.wait) : t("lock.wrong");
  };
  return (
    <form class="stack" noValidate onSubmit={(event) => void submit(event)}>
      <div role="alert">{problem.value ? <Problem>{problem.value}</Problem> : null}</div>
      <Field
        label={t("sync.lock.present")}
        type="password"
        value={pin.value}
        onInput={(value) => (pin.value = value)}
        autocomplete="current-password"
        capitalize="none"
      />
      <button type="submit" class="button is-primary">
        {t("sync.lock.next")}
      </button>
    </form>
  );
}
