/** Writing down one knock at one door: outcome, people, services, levels, and what is promised. */
import { useSignal, useSignalEffect, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ScreenProps } from "../app/App";
import { serviceName } from "../app/choices";
import { hasIdNumber } from "../app/digits";
import { draftKey, useOpenForm } from "../app/forms";
import { Screen } from "../app/Screen";
import { go, to } from "../app/router";
import { clock } from "../app/time";
import { draft as readDraft, dropDraft, now, saveDraft, saveVisit, storage, syncNow, today, type HouseholdView, type Visit as VisitDocument } from "../data";
import { t } from "../texts";
import { Problem } from "../ui/Choices";
import { Icon } from "../ui/Icon";
import { saveProblem } from "./failure";
import { useHousehold, whyMissing } from "./Household";
import { acts, emptyDraft, fromRecord, gaps, toRecord, type Gap, type VisitDraft } from "./record";
import { Outcomes } from "./visit/Outcomes";
import { People } from "./visit/People";
import { Promise as FollowUp } from "./visit/Promise";
import { Withdraw } from "./visit/Withdraw";
import { Remarks } from "./visit/Remarks";

export type Form = Signal<VisitDraft>;

export function Visit({ params }: ScreenProps) {
  const id = params.id ?? "";
  const view = useHousehold(id).value;
  const visit = params.visit ? view?.visits.find((one) => one.visit._id === params.visit) : undefined;
  if (view === null || (view && params.visit && !visit))
    return (
      <Screen title={t(params.visit ? "visit.amend.title" : "visit.title")}>
        <p>{view ? t("amend.missing") : whyMissing(id)}</p>
      </Screen>
    );
  if (visit && !visit.mayAmend)
    return (
      <Screen title={t("visit.amend.title")}>
        <p>{t("amend.not-yours")}</p>
      </Screen>
    );
  return view ? <Loaded view={view} visit={visit?.visit} /> : <p class="loading">{t("app.loading")}</p>;
}

interface Opened {
  draft: VisitDraft;
  restored: boolean;
}

/** Waits for the draft, a few milliseconds, so that nothing typed is overwritten by it. */
function Loaded({ view, visit }: { view: HouseholdView; visit: VisitDocument | undefined }) {
  const opened = useSignal<Opened | null>(null);
  const key = draftKey(view.household._id, visit?._id);
  useEffect(() => {
    const fresh = visit ? fromRecord(visit.record.value, now()) : emptyDraft(now());
    void readDraft<VisitDraft>(key).then(
      (kept) => (opened.value = kept ? { draft: { ...fresh, ...kept }, restored: true } : { draft: fresh, restored: false }),
      () => (opened.value = { draft: fresh, restored: false }),
    );
  }, []);
  return opened.value ? <VisitForm view={view} visit={visit} opened={opened.value} /> : <p class="loading">{t("app.loading")}</p>;
}

function VisitForm({ view, visit, opened }: { view: HouseholdView; visit: VisitDocument | undefined; opened: Opened }) {
  useOpenForm();
  const form = useSignal(opened.draft);
  const restored = useSignal(opened.restored);
  const tried = useSignal(false);
  const busy = useSignal(false);
  const failure = useSignal("");
  const summary = useRef<HTMLDivElement>(null);
  const household = view.household._id;
  const key = draftKey(household, visit?._id);
  useKeep(form, key, visit ? null : household);
  const missing = tried.value ? gaps(form.value, today(), visit !== undefined) : [];

  const reset = () => {
    form.value = visit ? fromRecord(visit.record.value, now()) : emptyDraft(now());
    restored.value = false;
    void forget(key);
  };
  const save = async (event: Event) => {
    event.preventDefault();
    tried.value = true;
    failure.value = "";
    const draft = form.value;
    if (gaps(draft, today(), visit !== undefined).length || hasIdNumber(draft.note) || hasIdNumber(draft.why)) {
      requestAnimationFrame(() => summary.current?.focus());
      return;
    }
    busy.value = true;
    try {
      const record = toRecord(draft, visit?.record.value.at ?? now(), today(), t("visit.follow-up.why.1"));
      const saved = await saveVisit({ ...(visit ? { id: visit._id } : {}), household, record });
      await forget(key);
      go(to("saved", { id: household, visit: saved._id }), { replace: true });
    } catch (error) {
      failure.value = saveProblem(error);
      busy.value = false;
      requestAnimationFrame(() => summary.current?.focus());
    }
  };
  return (
    <form class="form" noValidate onSubmit={(event) => void save(event)}>
      <Screen title={t(visit ? "visit.amend.title" : "visit.title")} heading={<Heading view={view} amend={visit !== undefined} />} bar={<SaveBar form={form} amend={visit !== undefined} busy={busy.value} />}>
        {visit ? <p class="hint">{t("amend.explain")}</p> : null}
        {restored.value ? <Restored at={form.value.at} onDrop={reset} /> : null}
        <StorageNotice />
        <div ref={summary} tabIndex={-1} role="alert" class="alert-place">
          {missing.length ? <Missing missing={missing} view={view} /> : null}
          {failure.value ? <Problem>{failure.value}</Problem> : null}
        </div>
        <Outcomes form={form} />
        {form.value.outcome === "met" ? <People form={form} view={view} /> : null}
        {form.value.outcome === "moved" ? null : <FollowUp form={form} tried={tried.value} amending={visit !== undefined} />}
        <Remarks form={form} />
        {visit ? <Withdraw id={visit._id} onDone={() => void forget(key)} next={to("household", { id: household })} /> : null}
      </Screen>
    </form>
  );
}

/** Keeps every change but the first value, which is nobody's work yet. */
function useKeep(form: Form, key: string, household: string | null): void {
  const first = useRef(form.peek());
  useSignalEffect(() => {
    const value = form.value;
    if (value === first.current) return;
    saveDraft(key, { ...value, at: now() });
    if (household) saveDraft("last-form", household);
  });
}

async function forget(key: string): Promise<void> {
  await Promise.all([dropDraft(key), dropDraft("last-form")]);
}

function Heading({ view, amend }: { view: HouseholdView; amend: boolean }) {
  return (
    <>
      <span class="title-main">{t(amend ? "visit.amend.title" : "visit.title")}</span>
      <span class="visually-hidden">: </span>
      <span class="title-small">{view.line}</span>
    </>
  );
}

function Restored({ at, onDrop }: { at: string; onDrop: () => void }) {
  return (
    <aside class="card is-wait" role="status">
      <p>{t("visit.draft", { time: clock(at) })}</p>
      <button type="button" class="button is-small" onClick={onDrop}>
        {t("visit.draft.drop")}
      </button>
    </aside>
  );
}

/** Says that room is short before anything is typed, and keeps the form. */
export function StorageNotice() {
  const { low, left = 0, full } = storage.value;
  if (!low) return null;
  return (
    <aside class="card is-wait">
      <p>{full ? t("visit.storage.full") : t("visit.storage", { left: `${Math.round(left / 1_000_000)} MB` })}</p>
      <button type="button" class="button is-small" onClick={() => void syncNow()}>
        <Icon name="send" />
        {t("visit.storage.send")}
      </button>
    </aside>
  );
}

function Missing({ missing, view }: { missing: Gap[]; view: HouseholdView }) {
  const name = (person: string | null) =>
    view.people.find((one) => one.resident._id === person)?.name ?? t("visit.person.anonymous");
  const say = (gap: Gap): string => {
    if (gap.kind === "band") return t("visit.error.band");
    if (gap.kind === "day") return t("visit.error.day");
    if (gap.kind === "person") return t("visit.error.person", { name: name(gap.person) });
    return t("visit.error.level", { name: name(gap.person), service: serviceName(gap.service) });
  };
  return (
    <div class="problem is-bad">
      <Icon name="warning" />
      <div>
        <p>{t("visit.error.summary")}</p>
        <ul>
          {missing.map((gap, index) => (
            <li key={index}>{say(gap)}</li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function SaveBar({ form, amend, busy }: { form: Form; amend: boolean; busy: boolean }) {
  const count = acts(form.value);
  return (
    <button type="submit" class="button is-primary is-wide" disabled={busy}>
      <Icon name="check" />
      <span>
        {busy ? t("visit.saving") : t(amend ? "amend.save" : "visit.save")}
        {count ? <span class="button-count"> · {t("today.acts.count", { n: count })}</span> : null}
      </span>
    </button>
  );
}
