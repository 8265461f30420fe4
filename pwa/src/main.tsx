import { render } from "preact";
import { App } from "./app/App";
import { Guard } from "./app/Guard";
import { fetchScreens } from "./app/lazy";
import { watchInstallation } from "./app/installation";
import { watchAddress } from "./app/router";
import { openForms } from "./app/forms";
import { askToKeep, start, stayWhile } from "./data";
import { recallLanguage } from "./texts";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/screens.css";
import "./styles/joining.css";

watchInstallation(askToKeep);
recallLanguage();
stayWhile(() => openForms.value > 0);
watchAddress();
render(
  <Guard>
    <App />
  </Guard>,
  document.getElementById("app") as HTMLElement,
);
void start();
void import("./app/absence").then(({ watchAbsence }) => watchAbsence());
// when the first screen is painted and the phone has a moment; Safari has no requestIdleCallback
setTimeout(() => void fetchScreens().catch(() => undefined), 2000);
