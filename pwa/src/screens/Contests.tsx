/** What two people edited without seeing one another's edit: both versions in words, and one tap that keeps one. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { bandName, obstacleName, outcomeName } from "../app/choices";
import { moment, relativeDay } from "../app/time";
import { addressLine, mayAmend, saveHousehold, saveResident, saveVisit, type Address, type AnyDocument, type Identity, type Person, type VisitRecord } from "../data";
import { t, tOr, type Key } from "../texts";
import { Problem } from "../ui/Choices";
import { Icon } from "../ui/Icon";
import { saveProblem } from "./failure";
import { Helps, nameOf } from "./Household";

interface Version {
  value: unknown;
  at: string;
  by: string;
}

interface Contest {
  document: AnyDocument;
  field: string;
  /** oldest first; the last is the one in use until someone chooses */
  versions: Version[];
}

/** The open contests of a document, one for each field. */
export function contestsOf(document: AnyDocument): Contest[] {
  const open = (document.history ?? []).filter(({ apart }) => apart);
  return [...new Set(open.map(({ field }) => field))].map((field) => {
    const held = (document as unknown as Record<string, Version>)[field] as Version;
    return { document, field, versions: [...open.filter((past) => past.field === field), held] };
  });
}

interface Props {
  apart: readonly AnyDocument[];
  people: Person[];
  onKept?: () => void;
}

export function Contests({ apart, people, onKept }: Props) {
  const kept = useSignal("");
  const failure = useSignal("");
  const busy = useSignal(false);
  const status = useRef<HTMLDivElement>(null);
  const contests = apart.flatMap(contestsOf);
  const keep = async (contest: Contest, version: Version) => {
    busy.value = true;
    failure.value = kept.value = "";
    try {
      await save(contest, version);
      kept.value = t("contest.kept", { name: nameOf(version.by) });
      onKept?.();
    } catch (error) {
      failure.value = saveProblem(error);
    }
    busy.value = false;
    requestAnimationFrame(() => status.current?.focus());
  };
  return (
    <section class="stack" aria-label={t("contest.title")} data-testid="contests">
      {contests.length ? <h2>{t("contest.title")}</h2> : null}
      <div ref={status} tabIndex={-1} role="status">
        {failure.value ? <Problem>{failure.value}</Problem> : null}
        {kept.value ? (
          <p class="mark is-ok">
            <Icon name="check" />
            <span>{kept.value}</span>
          </p>
        ) : null}
      </div>
      {contests.map((contest) => (
        <Card key={`${contest.document._id} ${contest.field}`} contest={contest} people={people} busy={busy.value} keep={keep} />
      ))}
    </section>
  );
}

/** An ordinary edit of the one field: whoever makes it has seen both, and so it ends the contest. */
async function save({ document, field }: Contest, { value }: Version): Promise<void> {
  const fields = { id: document._id, [field]: value };
  if (document.type === "household") await saveHousehold(fields);
  else if (document.type === "resident") await saveResident({ ...fields, household: document.household });
  else await saveVisit({ id: document._id, household: document.household, record: value as VisitRecord });
}

interface CardProps {
  contest: Contest;
  people: Person[];
  busy: boolean;
  keep: (contest: Contest, version: Version) => Promise<void>;
}

function Card({ contest, people, busy, keep }: CardProps) {
  const { document, versions } = contest;
  const may = document.type !== "visit" || mayAmend(document);
  const sentence = headline(contest);
  return (
    <div class="card is-wait contest" role="group" aria-label={sentence} data-testid="contest">
      <p>
        <Icon name="warning" /> <strong>{sentence}</strong>
      </p>
      <p class="hint">{t(may ? "contest.explain" : "contest.not-yours")}</p>
      <ul class="contest-versions">
        {versions.map((version, index) => (
          <li key={`${version.at} ${version.by}`} class="card contest-version">
            <p class="hint">
              {t("contest.version", { name: nameOf(version.by), time: moment(version.at) })}
              {index === versions.length - 1 ? <span class="tag">{t("contest.used")}</span> : null}
            </p>
            <Value contest={contest} value={version.value} people={people} />
            {may ? (
              <button type="button" class="button is-wide" disabled={busy} onClick={() => void keep(contest, version)}>
                <Icon name="check" />
                {t("contest.keep")}
              </button>
            ) : null}
          </li>
        ))}
      </ul>
    </div>
  );
}

function headline({ document, field, versions }: Contest): string {
  const names = new Set(versions.map(({ by }) => by)).size;
  const what = whatOf(document, field, versions);
  if (names === 1) return t("contest.one", { name: nameOf(versions[0]?.by ?? ""), what });
  return names === 2 ? t("contest.two", { what }) : t("contest.many", { n: names, what });
}

/** "số nhà", "cách gọi của Bà Hai", "lần gõ cửa hôm qua 14:03" */
function whatOf(document: AnyDocument, field: string, versions: Version[]): string {
  if (document.type === "visit") return t("contest.what.record", { time: moment(document.record.value.at) });
  if (document.type === "resident") return tOr(`contest.what.person.${field}`, "contest.what.other", { name: document.label.value });
  const house = field === "address" && new Set(versions.map(({ value }) => rest(value as Address))).size === 1;
  return tOr(house ? "contest.what.house" : `contest.what.${field}`, "contest.what.other");
}

const rest = (address: Address) => addressLine({ ...address, house: "" });

function Value({ contest: { document, field }, value, people }: { contest: Contest; value: unknown; people: Person[] }) {
  if (document.type === "visit") return <Record document={document} record={value as VisitRecord} people={people} />;
  return <p class="contest-value">{wordsOf(field, value) || t("contest.value.none")}</p>;
}

const words: Record<string, (value: never) => string> = {
  address: addressLine,
  kind: (kind: string) => t(`household-form.kind.${kind}` as Key),
  adults: (adults: number | null) => String(adults ?? ""),
  tags: (tags: string[]) => tags.join(", "),
  assigned_to: (person: string | null) => (person ? nameOf(person) : ""),
  gone: (gone: boolean) => t(gone ? "contest.value.gone" : "contest.value.here"),
  label: (label: string) => label,
  age_band: (band: string) => bandName(band),
  identity: ({ name, phone, consent }: Identity) => (consent ? [name, phone].filter(Boolean).join(", ") : t("contest.value.unnamed")),
};

function wordsOf(field: string, value: unknown): string {
  return words[field]?.(value as never) ?? JSON.stringify(value);
}

function Record({ document, record, people }: { document: AnyDocument & { type: "visit" }; record: VisitRecord; people: Person[] }) {
  const { outcome, obstacles, follow_up, note, withdrawn } = record;
  return (
    <div class="contest-value">
      <p>
        {outcomeName(outcome)}
        {withdrawn ? ` · ${t("household.withdrawn")}` : ""}
      </p>
      <Helps visit={{ ...document, record: { ...document.record, value: record } }} people={people} />
      {obstacles?.length ? <p class="fact">{obstacles.map(obstacleName).join(", ")}</p> : null}
      {follow_up ? <p class="fact is-due">{t("household.follow-up", { day: relativeDay(follow_up.on), why: follow_up.why })}</p> : null}
      {note ? <p class="note">{note}</p> : null}
    </div>
  );
}
