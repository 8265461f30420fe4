/** A new PIN, typed twice; or a passphrase. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Brand } from "../app/Header";
import { useOpenForm } from "../app/forms";
import { Screen } from "../app/Screen";
import { choosePin, chosen, owners, PICTURES, weakness } from "../data";
import { t } from "../texts";
import { ChooseOne, Problem } from "../ui/Choices";
import { Field } from "../ui/Field";

export function ChoosePin(_: object) {
  return (
    <>
      <header class="header">
        <Brand />
      </header>
      <Screen title={t("pin.title")}>
        <p>{t("pin.intro")}</p>
        <NewPin shared={chosen.value === undefined && owners.value.length > 0} />
      </Screen>
    </>
  );
}

/** @param shared someone new on a phone that others use: they choose a picture to find their place by */
export function NewPin({ done, shared: asksPicture }: { done?: () => void; shared?: boolean }) {
  useOpenForm();
  const free = freePictures();
  const picture = useSignal<string | undefined>(free[0]?.value);
  const pin = useSignal("");
  const again = useSignal("");
  const phrase = useSignal(false);
  const busy = useSignal(false);
  const error = useSignal("");
  const problem = useRef<HTMLDivElement>(null);

  const fail = (text: string) => {
    error.value = text;
    problem.current?.focus();
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    const weak = weakness(pin.value);
    if (weak) return fail(t(`pin.error.${weak}`));
    if (pin.value !== again.value) return fail(t("pin.error.differ"));
    busy.value = true;
    error.value = "";
    try {
      await choosePin(pin.value, asksPicture ? picture.value : undefined);
      done?.();
    } catch (cause) {
      console.error(cause);
      fail(t("pin.error.other"));
    }
    busy.value = false;
  };
  const swap = () => {
    phrase.value = !phrase.value;
    pin.value = again.value = error.value = "";
  };
  const shared = {
    type: "password",
    autocomplete: "new-password",
    capitalize: "none",
    inputMode: phrase.value ? undefined : "numeric",
    maxLength: phrase.value ? undefined : 6,
  } as const;
  return (
    <form class={phrase.value ? "stack" : "stack pin"} noValidate onSubmit={(event) => void submit(event)}>
      <div ref={problem} tabIndex={-1} role="alert" class="alert-place">
        {error.value ? <Problem>{error.value}</Problem> : null}
      </div>
      {asksPicture ? (
        <ChooseOne legend={t("pin.picture")} layout="grid" options={free} value={picture.value} onChange={(value) => (picture.value = value)} />
      ) : null}
      <Field {...shared} label={t(phrase.value ? "pin.phrase.new" : "pin.new")} value={pin.value} onInput={(value) => (pin.value = value)} />
      <Field {...shared} label={t(phrase.value ? "pin.phrase.again" : "pin.again")} value={again.value} onInput={(value) => (again.value = value)} />
      <button type="submit" class="button is-primary is-wide" disabled={busy.value}>
        {t(busy.value ? "pin.saving" : "pin.save")}
      </button>
      <button type="button" class="button is-wide" onClick={swap}>
        {t(phrase.value ? "pin.digits.use" : "pin.phrase.use")}
      </button>
    </form>
  );
}

/** Those that no one else on this phone has; with `mine`, that one too. */
export function freePictures(mine?: string) {
  const taken = owners.value.map(({ picture }) => picture).filter((one) => one !== mine);
  return PICTURES.filter((one) => !taken.includes(one)).map((value) => ({ value, label: t(`picture.${value}`), picture: value }));
}
