/** Coming in by an invitation: by its link or by its code, greeted by name before anything is spent. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ScreenProps } from "../app/App";
import { Brand } from "../app/Header";
import { isWhole, readCode, showCode } from "../app/invitation-code";
import { go, to } from "../app/router";
import { Screen } from "../app/Screen";
import { join, look, type Invited } from "../data";
import { t, tOr } from "../texts";
import { Problem } from "../ui/Choices";
import { Field } from "../ui/Field";
import { Icon } from "../ui/Icon";

type Trouble = { error: string; reason: string };

export function Join({ params }: ScreenProps) {
  const code = readCode(params.code ?? "");
  return (
    <>
      <header class="header">
        <Brand />
      </header>
      {isWhole(code) ? <Invitation code={code} /> : <Code typed={code} />}
    </>
  );
}

function Code({ typed }: { typed: string }) {
  const code = useSignal(typed);
  const short = useSignal(false);
  const submit = (event: Event) => {
    event.preventDefault();
    if (isWhole(code.value)) go(to("join", { code: code.value }));
    else short.value = true;
  };
  return (
    <Screen title={t("join.code.title")}>
      <p>{t("join.code.intro")}</p>
      <form class="stack" noValidate onSubmit={submit}>
        <Field
          label={t("join.code")}
          hint={t("join.code.hint")}
          value={showCode(code.value)}
          onInput={(value) => {
            short.value = false;
            code.value = readCode(value);
          }}
          error={short.value ? t("join.code.short") : undefined}
          capitalize="none"
        />
        <button type="submit" class="button is-primary is-wide">
          {t("join.code.submit")}
        </button>
      </form>
      <p>
        <a href={to("today")}>{t("join.password")}</a>
      </p>
    </Screen>
  );
}

function Invitation({ code }: { code: string }) {
  const invited = useSignal<Invited | null>(null);
  const trouble = useSignal<Trouble | null>(null);
  const busy = useSignal(true);
  const ask = async () => {
    busy.value = true;
    trouble.value = null;
    const answer = await look(code).catch(unexpected);
    busy.value = false;
    if (answer.ok) invited.value = answer.invited;
    else trouble.value = answer;
  };
  useEffect(() => void ask(), [code]);
  const enter = async (person: string) => {
    busy.value = true;
    trouble.value = null;
    const answer = await join(code, person).catch(unexpected);
    busy.value = false;
    if (answer.ok) go(to("today"), { replace: true });
    else trouble.value = answer;
  };
  const one = invited.value;
  return (
    <Screen title={one ? t("join.hello", { name: one.name }) : t("join.title")}>
      {one ? <p>{t("join.invited", { by: one.by, unit: one.unit, ward: one.ward })}</p> : busy.value ? <p role="status">{t("join.looking")}</p> : null}
      <div role="alert">{trouble.value ? <Problem>{sentence(trouble.value)}</Problem> : null}</div>
      {one ? (
        <>
          <p>{t("join.not-you", { name: one.name })}</p>
          <button type="button" class="button is-primary is-wide" disabled={busy.value} onClick={() => void enter(one.person)}>
            <Icon name="check" />
            {t(busy.value ? "join.busy" : "join.start")}
          </button>
        </>
      ) : trouble.value ? (
        <>
          <button type="button" class="button is-primary is-wide" disabled={busy.value} onClick={() => void ask()}>
            <Icon name="refresh" />
            {t("join.again")}
          </button>
          <a class="button is-wide" href={to("code")}>
            {t("join.other")}
          </a>
        </>
      ) : null}
    </Screen>
  );
}

const unexpected = (cause: unknown): { ok: false } & Trouble => ({ ok: false, error: "other", reason: String(cause) });

/** Ours where we have one; the server's own names whom to ask. */
function sentence({ error, reason }: Trouble): string {
  return tOr(`join.error.${error}`, "join.error.other", { reason });
}
