/** How the app is put on the home screen by hand, for the phone at hand. */
import { isApple } from "../app/installation";
import { t } from "../texts";
import type { PictureStep } from "../ui/PictureSteps";

/** @param last what to do once the icon is there */
export function installSteps(last: string): PictureStep[] {
  if (isApple())
    return [
      { text: t("install.share"), drawing: "share" },
      { text: t("install.add"), drawing: "add" },
      { text: last, drawing: "home" },
    ];
  return [
    { text: t("install.menu"), drawing: "menu" },
    { text: t("install.add.android"), drawing: "add" },
    { text: last, drawing: "home" },
  ];
}
