/** A visit while it is being written, and what it becomes. Plain functions over plain data. */
import { addDays } from "../app/time";
import type { AgeBand, Help, Outcome, VisitRecord } from "../data";

export interface HelpDraft {
  service: string;
  level?: string | undefined;
  detail?: string | undefined;
  obstacle?: string | undefined;
  referral?: string | undefined;
}

/** One person who was helped; `person` is null for those who are not written down. */
export interface HelpedDraft {
  person: string | null;
  band?: AgeBand | undefined;
  count: number;
  helps: HelpDraft[];
}

export type When = "none" | "tomorrow" | "three" | "week" | "pick";

export interface VisitDraft {
  outcome: Outcome;
  helped: HelpedDraft[];
  obstacles: string[];
  when: When;
  day: string;
  why: string;
  note: string;
  /** instant of the last change */
  at: string;
}


export function emptyDraft(at: string): VisitDraft {
  return { outcome: "met", helped: [], obstacles: [], when: "none", day: "", why: "", note: "", at };
}

const distance = { tomorrow: 1, three: 3, week: 7 } as const;

/** The day of the promise, or "" when there is none. */
export function followUpDay(draft: VisitDraft, today: string): string {
  if (draft.outcome === "moved" || draft.when === "none") return "";
  return draft.when === "pick" ? draft.day : addDays(today, distance[draft.when]);
}

/** The record to save; people count only when they were met. */
export function toRecord(draft: VisitDraft, at: string, today: string, fallbackWhy: string): VisitRecord {
  const record: VisitRecord = { at, outcome: draft.outcome };
  const helps = draft.outcome === "met" ? draft.helped.flatMap(toHelps) : [];
  const on = followUpDay(draft, today);
  const note = draft.note.normalize("NFC").trim();
  if (helps.length) record.helps = helps;
  if (draft.obstacles.length) record.obstacles = draft.obstacles;
  if (on) record.follow_up = { on, why: draft.why.normalize("NFC").trim() || fallbackWhy };
  if (note) record.note = note;
  return record;
}

function toHelps(helped: HelpedDraft): Help[] {
  return helped.helps.map(({ service, level = "", detail, obstacle, referral }) => ({
    service,
    level,
    ...(helped.person ? { person: helped.person } : { person: null, ...(helped.band ? { age_band: helped.band } : {}) }),
    ...(!helped.person && helped.count > 1 ? { count: helped.count } : {}),
    ...(detail ? { detail } : {}),
    ...(obstacle ? { obstacle } : {}),
    ...(referral ? { referral } : {}),
  }));
}

/** A saved record opened again, to be amended. */
export function fromRecord(record: VisitRecord, at: string): VisitDraft {
  const helped: HelpedDraft[] = [];
  for (const help of record.helps ?? []) {
    const person = help.person ?? null;
    const { service, level, detail, obstacle, referral } = help;
    const one = helped.find((other) => other.person === person && (person !== null || other.band === help.age_band));
    const row: HelpDraft = { service, level, detail, obstacle, referral };
    if (one) one.helps.push(row);
    else helped.push({ person, band: help.age_band, count: help.count ?? 1, helps: [row] });
  }
  return {
    ...emptyDraft(at),
    outcome: record.outcome,
    helped,
    obstacles: [...(record.obstacles ?? [])],
    when: record.follow_up ? "pick" : "none",
    day: record.follow_up?.on ?? "",
    why: record.follow_up?.why ?? "",
    note: record.note ?? "",
  };
}

export type Gap = { kind: "person"; person: string | null } | { kind: "level"; person: string | null; service: string } | { kind: "band" } | { kind: "day" };

/** What is still missing, in the order of the form. */
export function gaps(draft: VisitDraft, today: string, amending: boolean): Gap[] {
  const found: Gap[] = [];
  if (draft.outcome === "met") {
    for (const { person, band, helps } of draft.helped) {
      if (person === null && !band) found.push({ kind: "band" });
      if (!helps.length) found.push({ kind: "person", person });
      for (const help of helps) if (!help.level) found.push({ kind: "level", person, service: help.service });
    }
  }
  if (draft.outcome !== "moved" && draft.when === "pick" && (!draft.day || (!amending && draft.day < today))) found.push({ kind: "day" });
  return found;
}

/** Acts of help (lượt) in the draft, as the ward will count them. */
export function acts(draft: VisitDraft): number {
  if (draft.outcome !== "met") return 0;
  return draft.helped.reduce((sum, one) => sum + one.helps.length * (one.person === null ? one.count : 1), 0);
}
