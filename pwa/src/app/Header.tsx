import { computed } from "@preact/signals";
import { sync, type SyncState } from "../data";
import { t } from "../texts";
import { Icon, type IconName } from "../ui/Icon";
import { back, route, to, type Name, type Params } from "./router";

interface Sign {
  kind: "ok" | "wait" | "bad";
  icon: IconName;
  word: string;
}

/** What the top of every screen says about sending, the most pressing first. */
export function signOf(state: SyncState): Sign {
  if (state.phase === "signed-out") return { kind: "bad", icon: "refused", word: t("state.signed-out") };
  if (state.refused > 0) return { kind: "bad", icon: "refused", word: t("state.refused.count", { n: state.refused }) };
  if (state.phase === "push") return { kind: "wait", icon: "refresh", word: t("state.sending") };
  const icon: IconName = state.phase === "offline" ? "offline" : "waiting";
  if (state.waiting > 0) return { kind: "wait", icon, word: t("state.waiting.count", { n: state.waiting }) };
  if (state.phase === "offline") return { kind: "wait", icon, word: t("state.offline") };
  if (!state.counted) return { kind: "ok", icon: "refresh", word: "…" };
  return { kind: "ok", icon: "accepted", word: t("state.all-sent") };
}

const sign = computed(() => signOf(sync.value));

/** Where "back" leads when the app was opened on this very screen. */
const parents: Partial<Record<Name, Name>> = {
  newHousehold: "households",
  household: "households",
  editHousehold: "household",
  newPerson: "household",
  editPerson: "household",
  visit: "household",
  amend: "household",
  saved: "household",
  tally: "today",
  tallySaved: "today",
  amendTally: "today",
  guide: "guides",
  install: "sync",
  refused: "sync",
  card: "today",
  photos: "today",
};

function Back({ name, params }: { name: Name; params: Params }) {
  const href = to(name, params);
  const press = (event: Event) => {
    event.preventDefault();
    back(href);
  };
  return (
    <a class="header-back" href={href} onClick={press}>
      <Icon name="back" />
      <span>{t("nav.back")}</span>
    </a>
  );
}

export function Header() {
  const parent = parents[route.value.name];
  const state = sync.value;
  return (
    <header class="header">
      {parent ? <Back name={parent} params={route.value.params} /> : <Brand />}
      <a
        class={`sync-state is-${sign.value.kind}`}
        href={to("sync")}
        aria-label={t("state.header", { state: sign.value.word })}
        data-testid="sync-state"
        data-phase={state.phase}
        data-waiting={state.waiting}
        data-accepted={state.accepted}
        data-refused={state.refused}
        data-counted={String(state.counted)}
      >
        <Icon name={sign.value.icon} />
        <span>{sign.value.word}</span>
      </a>
    </header>
  );
}

export function Brand() {
  return (
    <span class="brand">
      <img src={`${import.meta.env.BASE_URL}icons/mark.svg`} alt="" width="36" height="36" />
      <span>{t("app.name")}</span>
    </span>
  );
}
