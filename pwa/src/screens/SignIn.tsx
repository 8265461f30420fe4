import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Brand } from "../app/Header";
import { useOpenForm } from "../app/forms";
import { mustInstallFirst } from "../app/installing";
import { Screen } from "../app/Screen";
import { go, route, to } from "../app/router";
import { session, signIn, sync } from "../data";
import { language, speak, t, tOr } from "../texts";
import { Choice, Problem } from "../ui/Choices";
import { Field } from "../ui/Field";
import { Icon } from "../ui/Icon";

/** Why there is nothing on this phone any more. */
const EMPTIED: Record<string, "sign-in.lost" | "sign-in.ended"> = { "device-lost": "sign-in.lost", "access-ended": "sign-in.ended" };

/** @param title with `intro`: why one signs in, when it is neither the first time nor for sending */
export function SignIn({ title, intro }: { title?: string; intro?: string }) {
  const again = session.value !== null;
  const why = again ? undefined : EMPTIED[sync.value.error ?? ""];
  return (
    <>
      <header class="header">
        <Brand />
        <button type="button" class="button is-small" lang={language.value === "vi" ? "en" : "vi"} onClick={() => void speak(language.value === "vi" ? "en" : "vi")}>
          <Icon name="globe" />
          {language.value === "vi" ? "English" : "Tiếng Việt"}
        </button>
      </header>
      <Screen title={title ?? t("sign-in.title")}>
        {again || intro ? null : <p class="motto">{t("app.motto")}</p>}
        {why ? <Problem kind="wait">{t(why)}</Problem> : <p>{intro ?? t(again ? "sign-in.again" : "sign-in.intro")}</p>}
        <a class="button is-wide" href={to("code")}>
          {t("sign-in.code")}
        </a>
        {mustInstallFirst() ? <Problem kind="wait">{t("sign-in.install")}</Problem> : null}
        <Form />
        <p class="hint">{t("sign-in.forgot")}</p>
      </Screen>
    </>
  );
}

function Form() {
  useOpenForm();
  const login = useSignal(session.value?.person.login ?? "");
  const password = useSignal("");
  const shown = useSignal(false);
  const busy = useSignal(false);
  const error = useSignal("");
  const problem = useRef<HTMLDivElement>(null);

  const fail = (text: string) => {
    error.value = text;
    problem.current?.focus();
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!login.value.trim() || !password.value) return fail(t("sign-in.error.empty"));
    busy.value = true;
    error.value = "";
    const answer = await signIn(login.value.trim(), password.value).catch(
      (cause: unknown) => ({ ok: false, error: "other", reason: String(cause) }) as const,
    );
    busy.value = false;
    if (!answer.ok) return fail(tOr(`sign-in.error.${answer.error}`, "sign-in.error.other", { reason: answer.reason }));
    if (route.value.query.has("dang-nhap")) go(to("sync"), { replace: true });
  };
  return (
    <form class="stack" noValidate onSubmit={(event) => void submit(event)}>
      <div ref={problem} tabIndex={-1} role="alert" class="alert-place">
        {error.value ? <Problem>{error.value}</Problem> : navigator.onLine ? null : <Problem kind="wait">{t("sign-in.offline")}</Problem>}
      </div>
      <Field label={t("sign-in.login")} value={login.value} onInput={(value) => (login.value = value)} autocomplete="username" capitalize="none" />
      <Field
        label={t("sign-in.password")}
        type={shown.value ? "text" : "password"}
        value={password.value}
        onInput={(value) => (password.value = value)}
        autocomplete="current-password"
        capitalize="none"
      />
      <Choice
        type="checkbox"
        name="show"
        option={{ value: "show", label: t("sign-in.show"), icon: "eye" }}
        checked={shown.value}
        onChange={(checked) => (shown.value = checked)}
      />
      <button type="submit" class="button is-primary is-wide" disabled={busy.value}>
        {busy.value ? t("sign-in.busy") : t("sign-in.submit")}
      </button>
    </form>
  );
}
