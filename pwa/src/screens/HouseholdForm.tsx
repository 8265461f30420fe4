/** A new door, or a door's address put right. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ScreenProps } from "../app/App";
import { hasIdNumber } from "../app/digits";
import { useOpenForm } from "../app/forms";
import { Screen } from "../app/Screen";
import { go, to } from "../app/router";
import { clock } from "../app/time";
import { addressLine, doors, draft as readDraft, dropDraft, now, openHousehold, saveDraft, saveHousehold, type Address, type Household, type HouseholdInput } from "../data";
import { t } from "../texts";
import { Choice, ChooseOne, Problem } from "../ui/Choices";
import { Field } from "../ui/Field";
import { Icon } from "../ui/Icon";
import { saveProblem } from "./failure";
import { whyMissing } from "./Household";
import { StorageNotice } from "./Visit";

interface HouseholdDraft {
  address: Address;
  kind: "home" | "business";
  adults: string;
  /** put it after this door in the walk; "" is the end */
  after: string;
  gone: boolean;
  at: string;
}

const parts = ["house", "lane", "street"] as const;

export function HouseholdForm({ params, query }: ScreenProps) {
  const id = params.id;
  const opened = useSignal<{ draft: HouseholdDraft; household?: Household; restored: boolean } | "missing" | null>(null);
  useEffect(() => {
    if (id)
      void openHousehold(id).then(
        ({ household }) => (opened.value = { draft: fromHousehold(household), household, restored: false }),
        () => (opened.value = "missing"),
      );
    else
      void readDraft<HouseholdDraft>("household").then(
        (kept) => (opened.value = { draft: kept ?? fresh(query.get("house") ?? ""), restored: kept !== undefined }),
        () => (opened.value = { draft: fresh(""), restored: false }),
      );
  }, []);
  if (opened.value === null) return <p class="loading">{t("app.loading")}</p>;
  if (opened.value === "missing")
    return (
      <Screen title={t("household-form.edit")}>
        <p>{whyMissing(id ?? "")}</p>
      </Screen>
    );
  return <Form {...opened.value} />;
}

/** A new door most often stands where the last one was visited: its street is proposed. */
function fresh(house: string): HouseholdDraft {
  const near = lastVisited();
  const { lane, street } = near?.address ?? {};
  return { address: { house, ...(lane ? { lane } : {}), ...(street ? { street } : {}) }, kind: "home", adults: "", after: near?.id ?? "", gone: false, at: now() };
}

function lastVisited() {
  return doors.value.filter((door) => door.last).sort((a, b) => ((a.last?.at ?? "") < (b.last?.at ?? "") ? 1 : -1))[0];
}

function fromHousehold(household: Household): HouseholdDraft {
  return {
    address: { ...household.address.value },
    kind: household.kind.value,
    adults: household.adults?.value == null ? "" : String(household.adults.value),
    after: "",
    gone: household.gone?.value ?? false,
    at: now(),
  };
}

/** Half way between the door it stands after and the following one. */
export function orderAfter(list: readonly { id: string; order: number | null }[], after: string): number {
  const at = list.findIndex((door) => door.id === after);
  const last = Math.max(0, ...list.map((door) => door.order ?? 0));
  const here = list[at]?.order;
  if (at < 0 || here == null) return last + 1;
  const following = list[at + 1]?.order;
  return following == null || following <= here ? here + 1 : (here + following) / 2;
}

function tidy(address: Address): Address {
  const entries = Object.entries(address).map(([key, text]) => [key, (text ?? "").normalize("NFC").trim().replace(/\s+/g, " ")]);
  return Object.fromEntries(entries.filter(([, text]) => text)) as Address;
}

function fieldsOf({ address, kind, adults, gone }: HouseholdDraft) {
  return { address: tidy(address), kind, adults: adults.trim() === "" ? null : Number(adults), gone };
}

/** Of a door that was there before only what was changed here: a colleague may have set the rest right meanwhile. */
function inputOf(draft: HouseholdDraft, household: Household | undefined): HouseholdInput {
  const { gone, ...fields } = fieldsOf(draft);
  if (!household) return { ...fields, order: orderAfter(doors.value, draft.after) };
  const before = fieldsOf(fromHousehold(household));
  const edits = Object.entries({ ...fields, gone }).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name as keyof typeof before]));
  return { id: household._id, ...Object.fromEntries(edits) };
}

function problemOf(draft: HouseholdDraft): string {
  const address = tidy(draft.address);
  if (Object.values(address).some((text) => hasIdNumber(text ?? ""))) return t("number.twelve");
  if (!Object.keys(address).length) return t("household-form.error.empty");
  return draft.adults.trim() === "" || /^\d{1,2}$/.test(draft.adults.trim()) ? "" : t("household-form.error.adults");
}

function Form({ draft, household, restored }: { draft: HouseholdDraft; household?: Household; restored: boolean }) {
  useOpenForm();
  const form = useSignal(draft);
  const error = useSignal("");
  const busy = useSignal(false);
  const alert = useRef<HTMLDivElement>(null);
  const start = useRef(draft);
  useSignalEffect(() => {
    if (!household && form.value !== start.current) saveDraft("household", { ...form.value, at: now() });
  });
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
      const saved = await saveHousehold(inputOf(form.value, household));
      if (!household) await dropDraft("household");
      go(form.value.gone ? to("households") : to("household", { id: saved._id }), { replace: true });
    } catch (cause) {
      fail(saveProblem(cause));
    }
  };
  return (
    <form class="form" noValidate onSubmit={(event) => void save(event)}>
      <Screen
        title={t(household ? "household-form.edit" : "household-form.new")}
        bar={
          <button type="submit" class="button is-primary is-wide" disabled={busy.value}>
            <Icon name="check" />
            {busy.value ? t("visit.saving") : t("action.save")}
          </button>
        }
      >
        {restored ? <p class="card is-wait">{t("visit.draft", { time: clock(draft.at) })}</p> : null}
        <StorageNotice />
        <div ref={alert} tabIndex={-1} role="alert" class="alert-place">
          {error.value ? <Problem>{error.value}</Problem> : null}
        </div>
        <Fields form={form.value} put={(part) => (form.value = { ...form.value, ...part })} household={household} />
      </Screen>
    </form>
  );
}

interface FieldsProps {
  form: HouseholdDraft;
  put: (part: Partial<HouseholdDraft>) => void;
  household: Household | undefined;
}

function Fields({ form, put, household }: FieldsProps) {
  const set = (part: keyof Address) => (text: string) => put({ address: { ...form.address, [part]: text } });
  const line = addressLine(tidy(form.address));
  const same = doors.value.find((door) => door.id !== household?._id && line && door.line.toLowerCase() === line.toLowerCase());
  const flat = useRef(Boolean(form.address.building || form.address.unit_text));
  return (
    <>
      {parts.map((part) => (
        <Field
          key={part}
          label={t(`household-form.${part}`)}
          hint={part === "street" ? undefined : t(`household-form.${part}.hint`)}
          value={form.address[part] ?? ""}
          onInput={set(part)}
          maxLength={120}
          guarded
        />
      ))}
      {same ? <Problem kind="wait">{t("household-form.same", { line: same.line })}</Problem> : null}
      <details class="more" open={flat.current}>
        <summary>{t("household-form.more")}</summary>
        <div class="stack">
          <Field label={t("household-form.building")} value={form.address.building ?? ""} onInput={set("building")} maxLength={120} guarded />
          <Field label={t("household-form.unit_text")} value={form.address.unit_text ?? ""} onInput={set("unit_text")} maxLength={120} guarded />
        </div>
      </details>
      <ChooseOne
        legend={t("household-form.kind")}
        layout="grid"
        value={form.kind}
        onChange={(kind) => put({ kind: kind as HouseholdDraft["kind"] })}
        options={[
          { value: "home", label: t("household-form.kind.home"), icon: "houses" },
          { value: "business", label: t("household-form.kind.business"), icon: "shop" },
        ]}
      />
      <Field label={t("household-form.adults")} value={form.adults} onInput={(adults) => put({ adults })} inputMode="numeric" maxLength={2} />
      {household ? (
        <Choice
          type="checkbox"
          name="gone"
          option={{ value: "gone", label: t("household-form.gone"), icon: "arrow" }}
          checked={form.gone}
          onChange={(gone) => put({ gone })}
        />
      ) : (
        <Order after={form.after} onChange={(after) => put({ after })} />
      )}
    </>
  );
}

function Order({ after, onChange }: { after: string; onChange: (after: string) => void }) {
  const near = doors.value.find((door) => door.id === after) ?? lastVisited();
  if (!near) return null;
  return (
    <ChooseOne
      legend={t("household-form.order")}
      layout="list"
      value={after}
      onChange={onChange}
      options={[
        { value: near.id, label: t("household-form.order.after", { line: near.line }) },
        { value: "", label: t("household-form.order.end") },
      ]}
    />
  );
}
