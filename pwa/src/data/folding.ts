/**
 * Vietnamese text: one form to store (NFC), one to search in (folded), one to order by (numbers by value).
 *
 * The same rules as `sync/text.py`; `tests/cases/folding.json` holds the cases that both pass.
 */
const MARKS = /[\u0300-\u036f]/g;
const HALVES = /\p{Surrogate}/gu; // half of an emoji cut off by a limit: no JSON for the server
const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** Lower case without marks: "Yên Nghĩa", "yen nghia" and their NFD forms become equal. */
export function fold(text: string): string {
  return text.toLowerCase().normalize("NFD").replace(MARKS, "").replace(/đ/g, "d");
}

/** NFC, nothing invisible; every run of white space becomes one space, in a note line breaks stay. */
export function clean(text: string, keepLines = false): string {
  const visible = text.replace(INVISIBLE, "").replace(HALVES, "").normalize("NFC");
  if (!keepLines) return visible.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  return visible.replace(/\r\n?/g, "\n").replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, " ").trim();
}

/** Folded text whose plain comparison orders numbers by value: "2" before "10". */
export function naturalKey(text: string): string {
  return fold(text).replace(/\d+/g, (digits) => digits.replace(/^0+(?=\d)/, "").padStart(9, "0"));
}

/** A copy of a document's value with every text clean and no undefined field. */
export function cleanAll<T>(value: T): T {
  if (typeof value === "string") return clean(value, true) as T;
  if (Array.isArray(value)) return value.map(cleanAll) as T;
  if (value === null || typeof value !== "object") return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, cleanAll(field)])) as T;
}
