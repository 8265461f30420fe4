/** The app is locked: nothing of any person is shown until the PIN is right. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Brand } from "../app/Header";
import { lazy } from "../app/lazy";
import { Screen } from "../app/Screen";
import { lockState, unlock } from "../data";
import { t } from "../texts";
import { Problem } from "../ui/Choices";
import { Field } from "../ui/Field";

const SignIn = lazy<{ title?: string; intro?: string }>(async () => (await import("./SignIn")).SignIn, ["sign-in"]);

export function Unlock(_: object) {
  const forgot = useSignal(false);
  const change = () => (forgot.value = !forgot.value);
  if (forgot.value)
    return (
      <>
        <SignIn title={t("lock.forgot")} intro={t("lock.forgot.intro")} />
        <p class="main">
          <button type="button" class="button is-wide" onClick={change}>
            {t("lock.forgot.back")}
          </button>
        </p>
      </>
    );
  return (
    <>
      <header class="header">
        <Brand />
      </header>
      <Screen title={t("lock.title")}>
        <p>{t("lock.intro")}</p>
        <Form />
        <button type="button" class="button is-wide" onClick={change}>
          {t("lock.forgot")}
        </button>
      </Screen>
    </>
  );
}

function Form() {
  const pin = useSignal("");
  const digits = useSignal(true);
  const wait = useSignal(0);
  const busy = useSignal(false);
  const wrong = useSignal(false);
  const problem = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const look = async () => {
      const state = await lockState();
      digits.value = state.digits;
      wait.value = state.wait;
    };
    void look();
    const ticking = setInterval(() => wait.value > 0 && void look(), 1000);
    return () => clearInterval(ticking);
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!pin.value) return;
    busy.value = true;
    wrong.value = false;
    const answer = await unlock(pin.value);
    busy.value = false;
    if (answer.ok) return;
    pin.value = "";
    wrong.value = true;
    wait.value = answer.wait;
    problem.current?.focus();
  };
  return (
    <form class={digits.value ? "stack pin" : "stack"} noValidate data-testid="unlock" onSubmit={(event) => void submit(event)}>
      <div ref={problem} tabIndex={-1} role="alert" class="alert-place">
        {wait.value > 0 ? <Problem kind="wait">{waitText(wait.value)}</Problem> : wrong.value ? <Problem>{t("lock.wrong")}</Problem> : null}
      </div>
      <Field
        label={t(digits.value ? "lock.pin" : "lock.phrase")}
        type="password"
        value={pin.value}
        onInput={(value) => (pin.value = value)}
        autocomplete="current-password"
        capitalize="none"
        inputMode={digits.value ? "numeric" : undefined}
      />
      <button type="submit" class="button is-primary is-wide" disabled={busy.value || wait.value > 0}>
        {t(busy.value ? "lock.busy" : "lock.open")}
      </button>
    </form>
  );
}

export function waitText(wait: number): string {
  return wait < 90_000 ? t("lock.wait.seconds", { n: Math.ceil(wait / 1000) }) : t("lock.wait.minutes", { n: Math.ceil(wait / 60_000) });
}
