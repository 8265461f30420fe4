/**
 * What may not be saved. The gateway checks the same on arrival (`sync/checks.py`); checking here lets the volunteer put
 * it right at the door.
 */
import { judge } from "./id-numbers";
import type { AnyDocument } from "./types";
import { SaveError } from "./types";

/** @throws SaveError `id-number`, `restricted` or `consent-missing` */
export function checkDocument(document: AnyDocument): void {
  checkTexts(document);
  if (document.type !== "resident") return;
  if (document.restricted?.value) throw new SaveError("restricted");
  const { name, phone, consent } = document.identity?.value ?? {};
  if (!name && !phone) return;
  if (!consent) throw new SaveError("consent-missing", "identity");
  if (document.age_band.value === "under-16" && consent.method !== "representative") {
    throw new SaveError("consent-missing", "representative");
  }
}

/** Whether a text holds what looks like the number of an identity card. */
export function holdsIdNumber(text: string): boolean {
  return judge(text) === "refuse";
}

function checkTexts(value: unknown, field = ""): void {
  if (typeof value === "string" && holdsIdNumber(value)) throw new SaveError("id-number", field);
  if (value === null || typeof value !== "object") return;
  for (const [name, inner] of Object.entries(value)) {
    if (!STRUCTURAL.has(name)) checkTexts(inner, Array.isArray(value) || name === "value" ? field : name);
  }
}

/** Fields that hold ids and times, and the one where a file's code may stand, which may have twelve digits. */
const STRUCTURAL = new Set(["_id", "_rev", "_revisions", "created", "unit", "household", "person", "at", "by", "on", "type", "detail"]);
