/** Who was helped: tick a person, then services, then the level each has reached. */
import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import { useId } from "preact/hooks";
import { ageBands, bandName, levelName, obstacles, serviceName, serviceOf, services } from "../../app/choices";
import type { AgeBand, HouseholdView, Person, Service } from "../../data";
import { pick, t } from "../../texts";
import { Choice, ChooseOne, type Option } from "../../ui/Choices";
import { Stepper } from "../../ui/Stepper";
import { Icon } from "../../ui/Icon";
import type { HelpDraft, HelpedDraft } from "../record";
import type { Form } from "../Visit";
import { NewPerson } from "./NewPerson";

export function People({ form, view }: { form: Form; view: HouseholdView }) {
  const adding = useSignal(false);
  const added = (person: string) => {
    adding.value = false;
    set(form, person, { person, count: 1, helps: [] });
  };
  return (
    <fieldset class="choices" id="people">
      <legend class="legend">{t("visit.people")}</legend>
      <p class="hint">{t("visit.people.hint")}</p>
      <div class="people">
        {view.people.map((person) => (
          <OnePerson key={person.resident._id} form={form} person={person} />
        ))}
        <OnePerson form={form} person={null} />
        {adding.value ? (
          <NewPerson household={view.household._id} onAdded={added} onCancel={() => (adding.value = false)} />
        ) : (
          <button type="button" class="button is-wide" onClick={() => (adding.value = true)}>
            <Icon name="plus" />
            {t("visit.person.new")}
          </button>
        )}
      </div>
    </fieldset>
  );
}

/** Puts one person's part of the draft in its place, or takes it out. */
function set(form: Form, person: string | null, next: HelpedDraft | null): void {
  const { helped } = form.value;
  const at = helped.findIndex((one) => one.person === person);
  const others = helped.filter((one) => one.person !== person);
  const all = next === null ? others : at < 0 ? [...helped, next] : helped.map((one, index) => (index === at ? next : one));
  form.value = { ...form.value, helped: all };
}

function OnePerson({ form, person }: { form: Form; person: Person | null }) {
  const id = person?.resident._id ?? null;
  const helped = form.value.helped.find((one) => one.person === id);
  const name = person?.name ?? t("visit.person.anonymous");
  const hint = person ? bandName(person.ageBand) : t("visit.person.anonymous.hint");
  const box = useId();
  const tick = (checked: boolean) => {
    set(form, id, checked ? { person: id, count: 1, helps: [] } : null);
    if (checked) show(box, "start");
  };
  return (
    <div class={helped ? "person-box is-open" : "person-box"} id={box}>
      <Choice
        type="checkbox"
        name="person"
        option={{ value: id ?? "anonymous", label: name, hint, icon: "person" }}
        checked={helped !== undefined}
        onChange={tick}
      />
      {helped ? (
        <div class="person-inner">
          {person ? null : <Unnamed helped={helped} onChange={(next) => set(form, null, next)} />}
          <Helps name={name} helped={helped} levels={person?.levels ?? {}} onChange={(next) => set(form, id, next)} />
        </div>
      ) : null}
    </div>
  );
}

interface Part {
  helped: HelpedDraft;
  onChange: (next: HelpedDraft) => void;
}

function Unnamed({ helped, onChange }: Part) {
  return (
    <>
      <ChooseOne
        legend={t("tally.band")}
        quiet
        value={helped.band}
        onChange={(band) => onChange({ ...helped, band: band as AgeBand })}
        options={ageBands.value.map((band) => ({ value: band.key, label: pick(band.short) }))}
      />
      <Stepper
        label={t("tally.count")}
        value={helped.count}
        onChange={(count) => onChange({ ...helped, count: Math.min(500, Math.max(1, count || 1)) })}
        less={t("tally.count.less")}
        more={t("tally.count.more")}
      />
    </>
  );
}

/** The services, the levels of a chosen one right below it. */
function Helps({ name, helped, levels, onChange }: Part & { name: string; levels: Record<string, string> }) {
  const group = useId();
  const change = (next: HelpDraft) => onChange({ ...helped, helps: helped.helps.map((one) => (one.service === next.service ? next : one)) });
  const toggle = (key: string, chosen: boolean) => {
    const others = helped.helps.filter((one) => one.service !== key);
    onChange({ ...helped, helps: chosen ? [...others, begin(key)] : others });
    if (chosen) show(`${group}-${key}`, "nearest");
  };
  const option = (service: Service): Option => ({
    value: service.key,
    label: pick(service.short),
    icon: service.icon,
    hint: levels[service.key] ? t("visit.level.before", { level: levelName(service.key, levels[service.key] as string) }) : undefined,
  });
  return (
    <fieldset class="choices">
      <legend class="legend is-quiet">{t("visit.services", { name })}</legend>
      <div class="choices-grid is-dense">
        {services.value.map((service) => {
          const help = helped.helps.find((one) => one.service === service.key);
          return (
            <Fragment key={service.key}>
              <Choice type="checkbox" name={group} option={option(service)} checked={help !== undefined} onChange={(chosen) => toggle(service.key, chosen)} />
              {help ? <OneHelp id={`${group}-${service.key}`} help={help} onChange={change} /> : null}
            </Fragment>
          );
        })}
      </div>
    </fieldset>
  );
}

/** Brings what a tap has opened into sight, so that the next tap needs no scrolling. */
function show(id: string, block: ScrollLogicalPosition): void {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  requestAnimationFrame(() => document.getElementById(id)?.scrollIntoView({ block, behavior: still ? "auto" : "smooth" }));
}

/** A service that has a single level needs no choice. */
function begin(key: string): HelpDraft {
  const levels = serviceOf(key)?.levels ?? [];
  return { service: key, level: levels.length === 1 ? levels[0]?.key : undefined };
}

function OneHelp({ id, help, onChange }: { id: string; help: HelpDraft; onChange: (next: HelpDraft) => void }) {
  const service = serviceOf(help.service);
  const note = service?.levels.find((level) => level.key === help.level)?.note;
  return (
    <div class="help" id={id}>
      <ChooseOne
        legend={t("visit.level", { service: serviceName(help.service) })}
        quiet
        layout="list"
        value={help.level}
        onChange={(level) => onChange({ ...help, level })}
        options={(service?.levels ?? []).map((level) => ({ value: level.key, label: pick(level.name) }))}
      />
      {note ? <p class="hint">{pick(note)}</p> : null}
      {service && help.level ? <More service={service} help={help} onChange={onChange} /> : null}
    </div>
  );
}

/** What need not be said; open at once where someone else must take over, as the police for VNeID. */
function More({ service, help, onChange }: { service: Service; help: HelpDraft; onChange: (next: HelpDraft) => void }) {
  const elsewhere = service.levels.some((level) => level.note) && !service.levels.find((level) => level.key === help.level)?.note;
  const none: Option = { value: "", label: t("visit.none") };
  const choices = (list: { key: string; name: { vi: string; en: string } }[]) => [none, ...list.map((one) => ({ value: one.key, label: pick(one.name) }))];
  const filled = Boolean(help.detail || help.obstacle || help.referral);
  return (
    <details class="more" open={elsewhere || filled}>
      <summary>{t("visit.more")}</summary>
      <div class="stack">
        {service.referrals?.length ? (
          <ChooseOne
            legend={t("visit.referral")}
            quiet
            value={help.referral ?? ""}
            onChange={(value) => onChange({ ...help, referral: value || undefined })}
            options={choices(service.referrals)}
          />
        ) : null}
        {service.details?.length ? (
          <Select label={t("visit.details")} value={help.detail} options={choices(service.details)} onChange={(detail) => onChange({ ...help, detail })} />
        ) : null}
        <Select label={t("visit.obstacle")} value={help.obstacle} options={choices(obstacles.value)} onChange={(obstacle) => onChange({ ...help, obstacle })} />
      </div>
    </details>
  );
}

function Select(props: { label: string; value: string | undefined; options: Option[]; onChange: (value: string | undefined) => void }) {
  return (
    <label class="field">
      <span class="label">{props.label}</span>
      <select class="input" value={props.value ?? ""} onChange={(event) => props.onChange(event.currentTarget.value || undefined)}>
        {props.options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  );
}
