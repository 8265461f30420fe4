/** Numbers that must not be written down: identity cards have 12 digits, the old ones 9. */

export { holdsIdNumber as hasIdNumber } from "../data/rules";

/** Has it a number of 9 digits: may be an old identity card, so ask. */
export function hasOldIdNumber(text: string): boolean {
  return /(?<!\d)\d{9}(?!\d)/.test(text.normalize("NFKC").replace(/(?<=\d)[ .\-](?=\d)/g, ""));
}

/** A mobile (0 + 3 5 7 8 9) or Hà Nội landline number with its digits only, or null. */
export function phoneNumber(text: string): string | null {
  const digits = text.replace(/[\s.\-()]/g, "").replace(/^\+?84/, "0");
  return /^(0[35789]\d{8}|024\d{8})$/.test(digits) ? digits : null;
}
