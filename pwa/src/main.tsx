import { render } from "preact";
import { App } from "./app/App";
import { Guard } from "./app/Guard";
import { watchAbsence } from "./app/absence";
import { fetchScreens } from "./app/lazy";
import { watchAddress } from "./app/router";
import { start } from "./data";
import { recallLanguage } from "./texts";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/screens.css";

recallLanguage();
watchAddress();
watchAbsence();
render(
  <Guard>
    <App />
  </Guard>,
  document.getElementById("app") as HTMLElement,
);
void start();
// when the first screen is painted and the phone has a moment; Safari has no requestIdleCallback
setTimeout(() => void fetchScreens().catch(() => undefined), 2000);
