/** Help at the ward's desk, without a household: service, level, age, how many. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ScreenProps } from "../app/App";
import { ageBands, serviceName, serviceOf, services } from "../app/choices";
import { useOpenForm } from "../app/forms";
import { Screen } from "../app/Screen";
import { go, to } from "../app/router";
import { clock } from "../app/time";
import { draft as readDraft, dropDraft, mayAmend, now, openVisit, saveDraft, saveVisit, type AgeBand, type Visit } from "../data";
import { pick, t } from "../texts";
import { ChooseOne, Problem } from "../ui/Choices";
import { Stepper } from "../ui/Stepper";
import { Icon } from "../ui/Icon";
import { saveProblem } from "./failure";
import { Contests } from "./Household";
import { StorageNotice } from "./Visit";
import { Withdraw } from "./visit/Withdraw";

interface TallyDraft {
  service?: string | undefined;
  level?: string | undefined;
  band?: AgeBand | undefined;
  count: number;
  at: string;
}

const fresh = (): TallyDraft => ({ count: 1, at: now() });

export function Tally({ params }: ScreenProps) {
  const visit = params.visit;
  const opened = useSignal<{ draft: TallyDraft; visit?: Visit; restored: boolean } | "missing" | null>(null);
  useEffect(() => {
    if (visit)
      void openVisit(visit).then(
        (document) => (opened.value = { draft: fromVisit(document), visit: document, restored: false }),
        () => (opened.value = "missing"),
      );
    else
      void readDraft<TallyDraft>("tally").then(
        (kept) => (opened.value = { draft: kept ?? fresh(), restored: kept !== undefined }),
        () => (opened.value = { draft: fresh(), restored: false }),
      );
  }, []);
  const state = opened.value;
  if (state === null) return <p class="loading">{t("app.loading")}</p>;
  if (state === "missing" || (state.visit && (!mayAmend(state.visit) || state.visit.record.value.withdrawn)))
    return (
      <Screen title={t("tally.amend.title")}>
        <p>{t(state === "missing" ? "amend.missing" : state.visit?.record.value.withdrawn ? "amend.withdrawn" : "amend.not-yours")}</p>
      </Screen>
    );
  const { visit: tally } = state;
  if (tally?.history?.some((past) => past.apart))
    return (
      <Screen title={t("tally.amend.title")}>
        <Contests apart={[tally]} people={[]} onKept={() => go(to("today"))} />
      </Screen>
    );
  return <TallyForm {...state} />;
}

function fromVisit(visit: Visit): TallyDraft {
  const help = visit.record.value.helps?.[0];
  return { service: help?.service, level: help?.level, band: help?.age_band, count: help?.count ?? 1, at: visit.record.value.at };
}

function problemOf({ service, level, band, count }: TallyDraft): string {
  if (!service) return t("tally.error.service");
  if (!level) return t("tally.error.level");
  if (!band) return t("tally.error.band");
  return Number.isInteger(count) && count >= 1 && count <= 500 ? "" : t("tally.error.count");
}

function TallyForm({ draft, visit, restored }: { draft: TallyDraft; visit?: Visit; restored: boolean }) {
  useOpenForm();
  const form = useSignal(draft);
  const error = useSignal("");
  const busy = useSignal(false);
  const alert = useRef<HTMLDivElement>(null);
  const start = useRef(draft);
  useSignalEffect(() => {
    if (!visit && form.value !== start.current) saveDraft("tally", { ...form.value, at: now() });
  });
  const put = (part: Partial<TallyDraft>) => (form.value = { ...form.value, ...part });
  const fail = (text: string) => {
    error.value = text;
    busy.value = false;
    requestAnimationFrame(() => alert.current?.focus());
  };
  const save = async (event: Event) => {
    event.preventDefault();
    const { service = "", level = "", band, count } = form.value;
    const problem = problemOf(form.value);
    if (problem || !band) return fail(problem);
    busy.value = true;
    try {
      const record = { at: visit?.record.value.at ?? now(), outcome: "met" as const, helps: [{ service, level, person: null, age_band: band, count }] };
      const saved = await saveVisit({ ...(visit ? { id: visit._id } : {}), household: null, record });
      if (!visit) await dropDraft("tally");
      go(to("tallySaved", { visit: saved._id }), { replace: true });
    } catch (cause) {
      fail(saveProblem(cause));
    }
  };
  return (
    <form class="form" noValidate onSubmit={(event) => void save(event)}>
      <Screen
        title={t(visit ? "tally.amend.title" : "tally.title")}
        bar={
          <button type="submit" class="button is-primary is-wide" disabled={busy.value}>
            <Icon name="check" />
            {busy.value ? t("visit.saving") : t(visit ? "amend.save" : "action.save")}
          </button>
        }
      >
        <p class="hint">{t(visit ? "amend.explain" : "tally.intro")}</p>
        {restored ? <p class="card is-wait">{t("visit.draft", { time: clock(draft.at) })}</p> : null}
        <StorageNotice />
        <div ref={alert} tabIndex={-1} role="alert" class="alert-place">
          {error.value ? <Problem>{error.value}</Problem> : null}
        </div>
        <Fields form={form.value} put={put} />
        {visit ? <Withdraw id={visit._id} onDone={() => undefined} next={to("today")} /> : null}
      </Screen>
    </form>
  );
}

function Fields({ form, put }: { form: TallyDraft; put: (part: Partial<TallyDraft>) => void }) {
  const levels = form.service ? (serviceOf(form.service)?.levels ?? []) : [];
  const choose = (service: string) => {
    const list = serviceOf(service)?.levels ?? [];
    put({ service, level: list.length === 1 ? list[0]?.key : undefined });
  };
  return (
    <>
      <ChooseOne
        legend={t("tally.service")}
        layout="grid"
        value={form.service}
        onChange={choose}
        options={services.value.map((one) => ({ value: one.key, label: pick(one.short), icon: one.icon }))}
      />
      {form.service ? (
        <ChooseOne
          legend={`${t("tally.level")}: ${serviceName(form.service)}`}
          layout="list"
          value={form.level}
          onChange={(level) => put({ level })}
          options={levels.map((one) => ({ value: one.key, label: pick(one.name) }))}
        />
      ) : null}
      <ChooseOne
        legend={t("tally.band")}
        layout="grid"
        value={form.band}
        onChange={(band) => put({ band: band as AgeBand })}
        options={ageBands.value.map((one) => ({ value: one.key, label: pick(one.name) }))}
      />
      <Stepper label={t("tally.count")} value={form.count} onChange={(count) => put({ count })} less={t("tally.count.less")} more={t("tally.count.more")} />
    </>
  );
}
