/** The app is locked: nothing of any person is shown until the PIN is right. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Brand } from "../app/Header";
import { lazy } from "../app/lazy";
import { Screen } from "../app/Screen";
import { choose, chosen, lockState, owners, unlock, type Owner } from "../data";
import { t, type Key } from "../texts";
import { Problem } from "../ui/Choices";
import { Field } from "../ui/Field";
import { Picture } from "../ui/Picture";

const SignIn = lazy<{ title?: string; intro?: string }>(async () => (await import("./SignIn")).SignIn, ["sign-in"]);

export function Unlock(_: object) {
  const way = useSignal<"pin" | "forgot" | "new">("pin");
  const [only, ...others] = owners.value;
  const back = () => {
    way.value = "pin";
    if (!others.length) choose(only?.id);
  };
  const another = () => {
    choose(undefined);
    if (!others.length) way.value = "new";
  };
  if (way.value === "forgot") return <Door title={t("lock.forgot")} intro={t("lock.forgot.intro")} away={t("lock.forgot.back")} back={back} />;
  if (way.value === "new") return <Door title={t("lock.new")} intro={t("lock.new.intro")} away={t("lock.new.back")} back={back} />;
  if (chosen.value === undefined) return <Who all={owners.value} fresh={() => (way.value = "new")} />;
  const mine = owners.value.find(({ id }) => id === chosen.value);
  return (
    <>
      <header class="header">
        <Brand />
      </header>
      <Screen title={t("lock.title")}>
        {mine && others.length ? <p class="mine">{pictureOf(mine)}</p> : null}
        <p>{t("lock.intro")}</p>
        <Form key={chosen.value} />
        <button type="button" class="button is-wide" onClick={() => (way.value = "forgot")}>
          {t("lock.forgot")}
        </button>
        <button type="button" class="button is-wide" onClick={another}>
          {t("lock.another")}
        </button>
      </Screen>
    </>
  );
}

/** People are known by their pictures only: their names can be read by no one before their PIN. */
function Who({ all, fresh }: { all: Owner[]; fresh: () => void }) {
  return (
    <>
      <header class="header">
        <Brand />
      </header>
      <Screen title={t("lock.who.title")}>
        <p>{t("lock.who.intro")}</p>
        {all.map((one) => (
          <button key={one.id} type="button" class="button is-wide mine" onClick={() => choose(one.id)}>
            {pictureOf(one)}
          </button>
        ))}
        <button type="button" class="button is-wide" onClick={fresh}>
          {t("lock.new")}
        </button>
      </Screen>
    </>
  );
}

const pictureOf = ({ picture }: Owner) => (
  <>
    <Picture name={picture} />
    {t(`picture.${picture}` as Key)}
  </>
);

function Door({ title, intro, away, back }: { title: string; intro: string; away: string; back: () => void }) {
  return (
    <>
      <SignIn title={title} intro={intro} />
      <p class="main">
        <button type="button" class="button is-wide" onClick={back}>
          {away}
        </button>
      </p>
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
    // only the page that is looked at counts the wait down
    const ticking = setInterval(() => wait.value > 0 && document.visibilityState === "visible" && void look(), 1000);
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
