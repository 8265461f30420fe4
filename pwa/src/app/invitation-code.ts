/** Codes of invitations: eight characters of an alphabet without 0, O, 1 and I, as in server/invitations.py. */
const LENGTH = 8;
const ALPHABET = /[^23456789A-HJ-NP-Z]/g;

/** What was typed, in capitals, without dashes and spaces; of a whole link that was pasted, its end. */
export function readCode(typed: string): string {
  return pasted(typed).normalize("NFC").toUpperCase().replace(ALPHABET, "").slice(0, LENGTH);
}

/** Whether something was read that no code has, but that looks like what codes have. */
export const hasLookalike = (typed: string): boolean => /[01OI]/i.test(pasted(typed));

const pasted = (typed: string): string => /#\/moi\/([^/?\s]+)/.exec(typed)?.[1] ?? typed;

/** "ABCD-EFGH", as it is read aloud. */
export function showCode(code: string): string {
  return code.length > 4 ? `${code.slice(0, 4)}-${code.slice(4)}` : code;
}

export const isWhole = (code: string): boolean => code.length === LENGTH;
