/** A person: how we call them and their age; name and phone only behind the consent. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ScreenProps } from "../app/App";
import { hasIdNumber, phoneNumber } from "../app/digits";
import { useOpenForm } from "../app/forms";
import { Screen } from "../app/Screen";
import { go, to } from "../app/router";
import { shortDay } from "../app/time";
import { catalog, dayOf, draft as readDraft, dropDraft, now, saveDraft, saveResident, session, type AgeBand, type Consent, type Identity, type Resident, type ResidentInput } from "../data";
import { pick, t } from "../texts";
import { Choice, ChooseOne, Problem } from "../ui/Choices";
import { Field } from "../ui/Field";
import { Icon } from "../ui/Icon";
import { saveProblem } from "./failure";
import { useHousehold, whyMissing } from "./Household";
import { NoticeText } from "./Notice";
import { AgeBandChoice, LabelField } from "./person";
import { StorageNotice } from "./Visit";

interface PersonDraft {
  label: string;
  band?: AgeBand | undefined;
  /** name and phone are wanted: never true before someone has chosen it */
  identity: boolean;
  method?: Consent["method"] | undefined;
  name: string;
  phone: string;
  gone: boolean;
}

export function PersonForm({ params }: ScreenProps) {
  const view = useHousehold(params.id ?? "").value;
  const person = view?.people.find((one) => one.resident._id === params.person)?.resident;
  const title = t(params.person ? "person-form.edit" : "person-form.new");
  if (view === undefined) return <p class="loading">{t("app.loading")}</p>;
  if (view === null || (params.person && !person))
    return (
      <Screen title={title}>
        <p>{whyMissing(params.id ?? "")}</p>
      </Screen>
    );
  return <Loaded title={title} line={view.line} household={view.household._id} person={person} />;
}

interface FormProps {
  title: string;
  line: string;
  household: string;
  person: Resident | undefined;
}

type Kept = Pick<PersonDraft, "label" | "band">;

/** A new person half written down: only how to call them and their age are kept, a name needs its consent first. */
function Loaded(props: FormProps) {
  const opened = useSignal<PersonDraft | null>(props.person ? begin(props.person) : null);
  useEffect(() => {
    if (opened.value) return;
    void readDraft<Kept>(`person:${props.household}`).then(
      (kept) => (opened.value = { ...begin(undefined), ...kept }),
      () => (opened.value = begin(undefined)),
    );
  }, []);
  return opened.value ? <Form {...props} start={opened.value} /> : <p class="loading">{t("app.loading")}</p>;
}

function begin(person: Resident | undefined): PersonDraft {
  const identity = person?.identity?.value;
  return {
    label: person?.label.value ?? "",
    band: person?.age_band.value,
    identity: Boolean(identity?.consent),
    method: identity?.consent?.method,
    name: identity?.name ?? "",
    phone: identity?.phone ?? "",
    gone: person?.gone?.value ?? false,
  };
}

function problemOf(draft: PersonDraft): string {
  const { label, band, identity, method, name, phone } = draft;
  if ([label, name, phone].some(hasIdNumber)) return t("number.twelve");
  if (!label.trim()) return t("person-form.error.label");
  if (!band) return t("person-form.error.band");
  if (!identity) return "";
  if (!method) return t("person-form.error.method");
  if (band === "under-16" && method !== "representative") return t("person-form.consent.child");
  if (!name.trim() && !phone.trim()) return t("person-form.error.identity");
  return !phone.trim() || phoneNumber(phone) ? "" : t("person-form.error.phone");
}

/** The identity register: a kept consent stays as it was given, a new one is of this moment. */
function identityOf(draft: PersonDraft, before: Identity | undefined): Identity {
  if (!draft.identity || !draft.method) return {};
  const kept = before?.consent?.method === draft.method ? before.consent : undefined;
  const version = catalog.value?.consents.find((one) => one.current)?.key ?? "unknown";
  const name = draft.name.normalize("NFC").trim().replace(/\s+/g, " ");
  const phone = phoneNumber(draft.phone);
  return {
    ...(name ? { name } : {}),
    ...(phone ? { phone } : {}),
    consent: kept ?? { version, at: now(), method: draft.method, by: session.value?.person.id ?? "" },
  };
}

/** Of someone who was there before only what was changed here: a colleague may have set the rest right meanwhile. */
function inputOf(draft: PersonDraft, household: string, person: Resident | undefined, start: PersonDraft): ResidentInput {
  const before = person?.identity?.value;
  const identity = identityOf(draft, before);
  const edited = (...parts: (keyof PersonDraft)[]) => !person || parts.some((part) => draft[part] !== start[part]);
  return {
    ...(person ? { id: person._id } : {}),
    household,
    ...(edited("label") ? { label: draft.label.normalize("NFC").trim() } : {}),
    ...(draft.band && edited("band") ? { age_band: draft.band } : {}),
    ...((identity.consent || before?.consent) && edited("identity", "method", "name", "phone") ? { identity } : {}),
    ...(draft.gone !== start.gone ? { gone: draft.gone } : {}),
  };
}

function Form({ title, line, household, person, start }: FormProps & { start: PersonDraft }) {
  useOpenForm();
  const form = useSignal(start);
  const error = useSignal("");
  const busy = useSignal(false);
  const alert = useRef<HTMLDivElement>(null);
  const put = (part: Partial<PersonDraft>) => {
    form.value = { ...form.value, ...part };
    const { label, band } = form.value;
    if (!person) saveDraft(`person:${household}`, { label, ...(band ? { band } : {}) } satisfies Kept);
  };
  const fail = (text: string) => {
    error.value = text;
    busy.value = false;
    requestAnimationFrame(() => alert.current?.focus());
  };
  const save = async (event: Event) => {
    event.preventDefault();
    const problem = problemOf(form.value);
    if (problem) return fail(problem);
    busy.value = true;
    try {
      await saveResident(inputOf(form.value, household, person, start));
      if (!person) await dropDraft(`person:${household}`);
      go(to("household", { id: household }), { replace: true });
    } catch (cause) {
      fail(saveProblem(cause));
    }
  };
  return (
    <form class="form" noValidate onSubmit={(event) => void save(event)}>
      <Screen
        title={title}
        heading={
          <>
            <span class="title-main">{title}</span>
            <span class="visually-hidden">: </span>
            <span class="title-small">{line}</span>
          </>
        }
        bar={
          <button type="submit" class="button is-primary is-wide" disabled={busy.value}>
            <Icon name="check" />
            {busy.value ? t("visit.saving") : t("action.save")}
          </button>
        }
      >
        <StorageNotice />
        <div ref={alert} tabIndex={-1} role="alert" class="alert-place">
          {error.value ? <Problem>{error.value}</Problem> : null}
        </div>
        <LabelField value={form.value.label} onChange={(label) => put({ label })} />
        <AgeBandChoice value={form.value.band} onChange={(band) => put({ band })} />
        <IdentityPart form={form.value} put={put} consent={person?.identity?.value.consent} />
        {person ? (
          <Choice
            type="checkbox"
            name="gone"
            option={{ value: "gone", label: t("person-form.gone"), icon: "arrow" }}
            checked={form.value.gone}
            onChange={(gone) => put({ gone })}
          />
        ) : null}
      </Screen>
    </form>
  );
}

interface IdentityProps {
  form: PersonDraft;
  put: (part: Partial<PersonDraft>) => void;
  consent: Consent | undefined;
}

/** The consent is read out first; its fields appear only when the resident has agreed. */
function IdentityPart({ form, put, consent }: IdentityProps) {
  const text = catalog.value?.consents.find((one) => one.current);
  const methods = (text as { methods?: { key: string; name: { vi: string; en: string } }[] } | undefined)?.methods ?? [];
  const wanted = useSignal(form.identity);
  const want = (checked: boolean) => {
    wanted.value = checked;
    if (!checked) put({ identity: false, method: undefined, name: "", phone: "" });
  };
  return (
    <section class="stack" aria-label={t("person-form.identity")}>
      <Choice
        type="checkbox"
        name="identity"
        option={{ value: "identity", label: t("person-form.identity"), hint: t("person-form.identity.hint"), icon: "id-card" }}
        checked={wanted.value}
        onChange={want}
      />
      {consent && !wanted.value ? <Problem kind="wait">{t("person-form.consent.withdraw.hint")}</Problem> : null}
      {wanted.value ? (
        <div class="card stack">
          {consent ? (
            <>
              <p class="hint">{t("person-form.consent.since", { day: shortDay(dayOf(consent.at)) })}</p>
              <button type="button" class="button" onClick={() => want(false)}>
                <Icon name="undo" />
                {t("person-form.consent.withdraw")}
              </button>
            </>
          ) : (
            <>
              <p class="hint">{t("person-form.consent.read")}</p>
              <blockquote class="quote">{pick(text?.text)}</blockquote>
              <details class="more">
                <summary>{t("person-form.consent.notice")}</summary>
                <NoticeText />
              </details>
            </>
          )}
          {form.band === "under-16" ? <Problem kind="wait">{t("person-form.consent.child")}</Problem> : null}
          <ChooseOne
            legend={t("person-form.consent.method")}
            layout="list"
            value={form.method}
            onChange={(method) => put({ method: method as Consent["method"], identity: true })}
            options={methods.map((one) => ({ value: one.key, label: pick(one.name) }))}
          />
          {form.method ? (
            <>
              <Field label={t("person-form.name")} value={form.name} onInput={(name) => put({ name })} maxLength={120} capitalize="words" guarded />
              <Field label={t("person-form.phone")} type="tel" inputMode="tel" value={form.phone} onInput={(phone) => put({ phone })} maxLength={20} />
            </>
          ) : null}
        </div>
      ) : null}
    </section>
  );
}
