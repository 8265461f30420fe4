import { sync } from "../data";
import { t } from "../texts";
import { Problem } from "./Choices";

/** The browser has thrown records away: said wherever one looks first. */
export function Lost() {
  const { lost } = sync.value;
  return lost ? <Problem>{t("sync.lost", { n: lost })}</Problem> : null;
}
