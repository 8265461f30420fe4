/** Numbers that must not be written down, and telephone numbers as people write them. */
import { judge } from "../data/id-numbers";

/** Holds it what looks like an identity card number: such a text is not saved. */
export const hasIdNumber = (text: string): boolean => judge(text) === "refuse";

/** May it be the number of an old identity card: ask. */
export const hasOldIdNumber = (text: string): boolean => judge(text) === "warn";

/** A mobile (0 + 3 5 7 8 9) or Hà Nội landline number with its digits only, or null. */
export function phoneNumber(text: string): string | null {
  const digits = text.replace(/[\s.\-()]/g, "").replace(/^\+?84/, "0");
  return /^(0[35789]\d{8}|024\d{8})$/.test(digits) ? digits : null;
}
