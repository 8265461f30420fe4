import { SaveError } from "../data";
import { t, tOr } from "../texts";

/** Why something was not saved, in words; the form stays as it is. */
export function saveProblem(error: unknown): string {
  if (error instanceof SaveError) return tOr(`save.error.${error.code}`, "save.error.other", { reason: error.code });
  return t("save.error.other", { reason: error instanceof Error ? error.message : String(error) });
}
