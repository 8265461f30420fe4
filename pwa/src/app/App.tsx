import type { ComponentType } from "preact";
import { applyUpdate, gate, session, sync, updateReady } from "../data";
import { t } from "../texts";
import { arriving, isFirstSync } from "./arrival";
import { Guard } from "./Guard";
import { Header } from "./Header";
import { isInsideAnother } from "./inside-another";
import { lazy } from "./lazy";
import { Navigation } from "./Navigation";
import { openForms } from "./forms";
import { route, type Name, type Params } from "./router";

export interface ScreenProps {
  params: Params;
  query: URLSearchParams;
}

const book = () => import("../screens/book");
const writing = () => import("../screens/writing");
const sending = () => import("../screens/sending");
const reading = () => import("../screens/reading");
const arrivals = () => import("../screens/arriving");

const SignIn = lazy<{ title?: string; intro?: string }>(async () => (await import("../screens/SignIn")).SignIn, ["sign-in"]);
const Unlock = lazy(async () => (await import("../screens/Unlock")).Unlock, ["lock"]);
const ChoosePin = lazy(async () => (await import("../screens/ChoosePin")).ChoosePin, ["lock"]);
const FirstSync = lazy(async () => (await arrivals()).FirstSync, ["joining", "screens"]);
const InsideAnother = lazy(async () => (await arrivals()).InsideAnother, ["joining"]);
const Join = lazy(async () => (await arrivals()).Join, ["joining"]);
const HouseholdForm = lazy(async () => (await book()).HouseholdForm);
const PersonForm = lazy(async () => (await book()).PersonForm);
const Visit = lazy(async () => (await writing()).Visit);
const Saved = lazy(async () => (await writing()).Saved);
const Tally = lazy(async () => (await writing()).Tally);

const screens: Record<Name, ComponentType<ScreenProps>> = {
  today: lazy(async () => (await import("../screens/Today")).Today, ["today"]),
  households: lazy(async () => (await import("../screens/Households")).Households, ["list"]),
  household: lazy(async () => (await book()).Household),
  visit: Visit,
  amend: Visit,
  newPerson: PersonForm,
  editPerson: PersonForm,
  newHousehold: HouseholdForm,
  editHousehold: HouseholdForm,
  saved: Saved,
  tallySaved: Saved,
  tally: Tally,
  amendTally: Tally,
  guides: lazy(async () => (await reading()).Guides),
  install: lazy(async () => (await arrivals()).Install, ["joining"]),
  guide: lazy(async () => (await reading()).Guide),
  sync: lazy(async () => (await sending()).Sync),
  notice: lazy(async () => (await reading()).Notice),
  card: lazy(async () => (await reading()).Card),
  photos: lazy(async () => (await sending()).Photos),
  code: Join,
  join: Join,
  refused: lazy(async () => (await sending()).Refused),
};

/** Screens on which one writes: the tabs make room for the form. */
const forms = new Set<Name>(["visit", "amend", "newPerson", "editPerson", "newHousehold", "editHousehold", "tally", "amendTally"]);

export function App() {
  if (isInsideAnother(navigator.userAgent)) return <InsideAnother />;
  if (gate.value === "starting") return <p class="loading">{t("app.loading")}</p>;
  if (gate.value === "new-pin") return <ChoosePin />;
  const { name, params, query } = route.value;
  if (name === "code" || name === "join") return <Join key={params.code ?? ""} params={params} query={query} />;
  if (gate.value === "locked") return <Unlock />;
  if (gate.value === "welcome" || !session.value) return <SignIn />;
  if (arriving.value || isFirstSync()) return <FirstSync />;
  if (sync.value.phase === "signed-out" && route.value.query.has("dang-nhap")) return <SignIn />;
  const Shown = screens[name];
  const place = `${name} ${Object.values(params).join(" ")}`;
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        {t("app.skip")}
      </a>
      <Header />
      <UpdateBar />
      <Guard key={place}>
        <Shown key={place} params={params} query={query} />
      </Guard>
      {forms.has(name) ? null : <Navigation />}
    </>
  );
}

function skip(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#main h1")?.focus();
}

/** Offers the new version, quietly, and never while something is being written. */
function UpdateBar() {
  if (!updateReady.value || openForms.value > 0 || forms.has(route.value.name)) return null;
  return (
    <aside class="update">
      <p role="status">{t("update.text")}</p>
      <button type="button" class="button is-small" onClick={() => void applyUpdate()}>
        {t("update.apply")}
      </button>
    </aside>
  );
}
