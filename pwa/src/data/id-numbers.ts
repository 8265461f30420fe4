/**
 * Numbers of identity cards in free text, by the rules that `sync/id_numbers.py` states;
 * `tests/cases/id-numbers.json` holds the cases that both pass.
 */
export type Verdict = "ok" | "warn" | "refuse";

const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
const CHAIN = /[0-9]+(?:[ \u00a0\t._\u2010-\u2015\u2212-]{1,3}[0-9]+)*/g;
const LENGTH = 12;

/** What a text may do: pass, pass with a warning, or not pass. */
export function judge(text: string): Verdict {
  let verdict: Verdict = "ok";
  for (const [chain] of text.normalize("NFKC").replace(INVISIBLE, "").matchAll(CHAIN)) {
    const groups = chain.match(/[0-9]+/g) ?? [];
    if (holdsNumber(groups)) return "refuse";
    if (groups.some((group) => group.length === 9) || groups.map((group) => group.length).join() === "3,3,3") verdict = "warn";
  }
  return verdict;
}

function holdsNumber(groups: string[]): boolean {
  if (groups.some((_, first) => stretchFrom(groups, first))) return true;
  const digits = groups.join("");
  return digits.length === LENGTH && !isDate(groups) && !isPhoneAndNumber(groups, digits);
}

/** Neighbouring groups of at least three digits each that have twelve together. */
function stretchFrom(groups: string[], first: number): boolean {
  let total = 0;
  for (const group of groups.slice(first)) {
    total += group.length;
    if (group.length < 3 || total >= LENGTH) return group.length >= 3 && total === LENGTH;
  }
  return false;
}

function isDate(groups: string[]): boolean {
  const year = (group: string | undefined) => /^(19|20)\d\d$/.test(group ?? "");
  const lengths = groups.slice(0, 3).map((group) => group.length).join();
  return (lengths === "2,2,4" && year(groups[2])) || (lengths === "4,2,2" && year(groups[0]));
}

function isPhoneAndNumber(groups: string[], digits: string): boolean {
  const phone = (text: string) => /^0[35789]\d{8}$/.test(text);
  const after = groups.at(-1)?.length === 2 && phone(digits.slice(0, 10));
  const before = groups[0]?.length === 2 && phone(digits.slice(2));
  return groups.length > 1 && (after || before);
}
