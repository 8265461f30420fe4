/** The list of doors: search as one types, three filters, a few dozen rows at a time. */
import { computed, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ScreenProps } from "../app/App";
import { Screen } from "../app/Screen";
import { to } from "../app/router";
import { number } from "../app/time";
import { doors, search, type Door } from "../data";
import { t } from "../texts";
import { Choice } from "../ui/Choices";
import { DoorRow } from "../ui/DoorRow";
import { Icon } from "../ui/Icon";

type Filter = "all" | "untouched" | "due" | "waiting";
const filters: Filter[] = ["all", "untouched", "due", "waiting"];
/** Rows drawn while a key is being pressed: a screen and a half of them. More follow as the end comes near. */
const few = 8;
const step = 30;

/** Kept while the app is open, so that "back" shows the same rows. */
const query = signal("");
const filter = signal<Filter>("all");
const limit = signal(step);

const keeps: Record<Filter, (door: Door) => boolean> = {
  all: () => true,
  untouched: (door) => !door.last,
  due: (door) => door.followUp !== undefined,
  waiting: (door) => door.state !== "accepted",
};

const found = computed(() => {
  // read here, so that a changed list is searched again
  const all = doors.value;
  const hits = query.value.trim() ? search(query.value) : all;
  return filter.value === "all" ? hits : hits.filter(keeps[filter.value]);
});

export function Households(_: ScreenProps) {
  return (
    <Screen title={t("list.title")}>
      <div class="finder">
        <SearchBox />
        <Filters />
        <div class="list-head">
          <p class="count" role="status">
            {found.value.length === doors.value.length
              ? t("list.count", { n: number(doors.value.length) })
              : t("list.count.of", { n: number(found.value.length), total: number(doors.value.length) })}
          </p>
          <a class="button is-small" href={to("newHousehold")}>
            <Icon name="plus" />
            {t("list.new")}
          </a>
        </div>
        {found.value.length ? <Rows /> : <Empty />}
      </div>
    </Screen>
  );
}

function SearchBox() {
  return (
    <div class="search" role="search">
      <label class="visually-hidden" for="search">
        {t("list.search")}
      </label>
      <Icon name="search" />
      <input
        id="search"
        class="input search-input"
        type="search"
        enterkeyhint="search"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        placeholder={t("list.search")}
        value={query.value}
        onInput={(event) => {
          query.value = event.currentTarget.value;
          limit.value = few;
        }}
      />
      {query.value ? (
        <button type="button" class="search-clear" aria-label={t("list.search.clear")} onClick={() => (query.value = "")}>
          <Icon name="cross" />
        </button>
      ) : null}
    </div>
  );
}

function Filters() {
  const choose = (value: Filter) => {
    filter.value = value;
    limit.value = few;
  };
  return (
    <fieldset class="chips">
      <legend class="visually-hidden">{t("list.filter")}</legend>
      {filters.map((value) => (
        <Choice
          key={value}
          type="radio"
          name="filter"
          option={{ value, label: t(`list.filter.${value}`) }}
          checked={filter.value === value}
          onChange={() => choose(value)}
        />
      ))}
    </fieldset>
  );
}

/** Draws the first rows at once and the next ones when the end comes near. */
function Rows() {
  const end = useRef<HTMLLIElement>(null);
  const total = found.value.length;
  useEffect(() => {
    if (!end.current) return;
    const watcher = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) limit.value += step;
      },
      { rootMargin: "600px" },
    );
    watcher.observe(end.current);
    return () => watcher.disconnect();
  }, [limit.value, total]);
  return (
    <ul class="rows">
      {found.value.slice(0, limit.value).map((door) => (
        <DoorRow key={door.id} door={door} />
      ))}
      {limit.value < total ? (
        <li class="row-more" ref={end}>
          <button type="button" class="button" onClick={() => (limit.value += step)}>
            {t("action.more")}
          </button>
        </li>
      ) : null}
    </ul>
  );
}

function Empty() {
  const text = doors.value.length === 0 ? t("list.empty") : query.value ? t("list.none", { query: query.value }) : t("list.none.filter");
  return (
    <div class="empty">
      <Icon name="door" large />
      <p>{text}</p>
      {query.value ? (
        <a class="button" href={to("newHousehold", {}, { house: query.value.trim() })}>
          {t("list.none.new")}
        </a>
      ) : null}
    </div>
  );
}
