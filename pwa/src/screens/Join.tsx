/** Coming in by an invitation: by its link or by its code, greeted by name before anything is spent. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ScreenProps } from "../app/App";
import { Brand } from "../app/Header";
import { mustInstallFirst } from "../app/installing";
import { hasLookalike, isWhole, readCode, showCode } from "../app/invitation-code";
import { go, to } from "../app/router";
import { Screen } from "../app/Screen";
import { gate, join, look, session, sync, type Invited } from "../data";
import { t, tOr } from "../texts";
import { Problem } from "../ui/Choices";
import { Field } from "../ui/Field";
import { Icon } from "../ui/Icon";
import { InstallFirst } from "./InstallFirst";

type Trouble = { error: string; reason: string };

/** After these answers asking again with the same code is of no use; time or a network mends the others. */
const FINAL = /^(invitation-|no-unit$)/;

export function Join({ params }: ScreenProps) {
  const code = readCode(params.code ?? "");
  const first = mustInstallFirst();
  return (
    <>
      <header class="header">
        <Brand />
      </header>
      {first ? <InstallFirst code={isWhole(code) ? code : ""} /> : isWhole(code) ? <Invitation code={code} /> : <Code start={showCode(code)} />}
    </>
  );
}

function Code({ start }: { start: string }) {
  const typed = useSignal(start);
  const short = useSignal(false);
  const submit = (event: Event) => {
    event.preventDefault();
    const code = readCode(typed.value);
    if (isWhole(code)) go(to("join", { code }));
    else short.value = true;
  };
  const error = hasLookalike(typed.value) ? t("join.code.lookalike") : short.value ? t("join.code.short") : undefined;
  return (
    <Screen title={t("join.code.title")}>
      <p>{t("join.code.intro")}</p>
      <form class="stack" noValidate onSubmit={submit}>
        <Field
          label={t("join.code")}
          hint={t("join.code.hint")}
          value={typed.value}
          onInput={(value) => {
            short.value = false;
            typed.value = value;
          }}
          error={error}
          capitalize="none"
        />
        <button type="submit" class="button is-primary is-wide">
          {t("join.code.submit")}
        </button>
      </form>
      <OtherWay />
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
    else if (answer.error === "joined") go(to("today"), { replace: true });
    else trouble.value = answer;
  };
  useEffect(() => void ask(), [code]);
  const enter = async (person: string) => {
    busy.value = true;
    trouble.value = null;
    const answer = await join(code, person).catch(unexpected);
    busy.value = false;
    if (answer.ok) return go(to("today"), { replace: true });
    trouble.value = answer;
    if (FINAL.test(answer.error)) invited.value = null;
  };
  const one = invited.value;
  return (
    <Screen title={t("join.title")} heading={one ? t("join.hello", { name: one.name }) : t("join.title")}>
      {one ? <Greeting one={one} /> : busy.value ? <p role="status">{t("join.looking")}</p> : null}
      <div role="alert">{trouble.value ? <Problem>{sentence(trouble.value)}</Problem> : null}</div>
      {one ? <Start one={one} busy={busy.value} onStart={() => void enter(one.person)} /> : null}
      {trouble.value && !one ? <Next again={FINAL.test(trouble.value.error) ? undefined : () => void ask()} /> : null}
    </Screen>
  );
}

/** Who invites to what; on a locked phone, what it is good for there. */
function Greeting({ one }: { one: Invited }) {
  if (gate.value === "locked") return one.phone === "own" ? <p>{t("join.new-pin")}</p> : null;
  return <p>{t("join.invited", { by: one.by, unit: one.unit, ward: one.ward })}</p>;
}

/** The way in, or why this phone is not to be entered; the invitation stays good for another. */
function Start({ one, busy, onStart }: { one: Invited; busy: boolean; onStart: () => void }) {
  const locked = gate.value === "locked";
  const holder = session.value?.person;
  const another = holder !== undefined && holder.id !== one.person;
  if (locked && one.phone !== "own" && one.phone !== "") return <Kept reason={t(one.phone === "ended" ? "join.error.phone-ended" : "join.error.phone-other")} />;
  if (another && sync.value.waiting > 0)
    return (
      <>
        <Problem kind="wait">{t("join.error.unsent-of-other", { reason: holder.name })}</Problem>
        <a class="button is-primary is-wide" href={to("sync")}>
          {t("join.sync")}
        </a>
      </>
    );
  return (
    <>
      <p>{t("join.not-you", { name: one.name })}</p>
      {another ? <Problem kind="wait">{t("join.other-person", { holder: holder.name })}</Problem> : null}
      {holder && !another && sync.value.phase !== "signed-out" ? <p>{t("join.already")}</p> : null}
      <button type="button" class="button is-primary is-wide" disabled={busy} onClick={onStart}>
        <Icon name="check" />
        {t(busy ? "join.busy" : locked ? "join.start.pin" : "join.start")}
      </button>
      {locked || holder ? <OtherWay /> : null}
    </>
  );
}

/** Records that this invitation cannot open: nothing is spent, and nothing is lost. */
function Kept({ reason }: { reason: string }) {
  return (
    <>
      <Problem kind="wait">{reason}</Problem>
      <a class="button is-primary is-wide" href={to("today")}>
        {t("join.unlock")}
      </a>
    </>
  );
}

/** What to do when the invitation did not open the app. */
function Next({ again }: { again: (() => void) | undefined }) {
  return (
    <>
      {again ? (
        <button type="button" class="button is-primary is-wide" onClick={again}>
          <Icon name="refresh" />
          {t("join.again")}
        </button>
      ) : null}
      <a class={`button is-wide ${again ? "" : "is-primary"}`} href={to("code")}>
        {t("join.other")}
      </a>
      <OtherWay />
    </>
  );
}

/** Whoever is in already goes back: the link may have been opened a second time. */
function OtherWay() {
  return (
    <p>
      <a href={to("today")}>{t(gate.value === "locked" ? "join.unlock" : session.value ? "join.back" : "join.password")}</a>
    </p>
  );
}

const unexpected = (cause: unknown): { ok: false } & Trouble => ({ ok: false, error: "other", reason: String(cause) });

/** Ours where we have one; the server's own names whom to ask. */
function sentence({ error, reason }: Trouble): string {
  return tOr(`join.error.${error}`, "join.error.other", { reason });
}
