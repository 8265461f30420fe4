import type { ScreenProps } from "../app/App";
import { serviceOf } from "../app/choices";
import { Screen } from "../app/Screen";
import { to } from "../app/router";
import { catalog, type Guide } from "../data";
import { pick, t } from "../texts";
import { Icon } from "../ui/Icon";

export function Guides(_: ScreenProps) {
  const guides = [...(catalog.value?.guides ?? [])].sort((a, b) => a.order - b.order);
  return (
    <Screen title={t("guides.title")}>
      <p class="hint">{t("guides.intro")}</p>
      {guides.length ? null : <p>{t("guides.none")}</p>}
      <ul class="rows">
        {guides.map((guide) => (
          <li class="row" key={guide.key}>
            <a class="row-link" href={to("guide", { guide: guide.key })}>
              <span class="plate is-desk">
                <Icon name={serviceOf(guide.service)?.icon ?? "book"} />
              </span>
              <span class="row-text">
                <span class="row-title">{pick(guide.title)}</span>
                <span class="row-facts">{t("guides.steps", { n: guide.steps.length })}</span>
              </span>
              <Icon name="forward" />
            </a>
          </li>
        ))}
      </ul>
      <Hotlines guides={guides} />
    </Screen>
  );
}

/** "156 / 5656" is two numbers; the first of five digits or more that starts with 5 takes text messages. */
export function numbersOf(value: string): string[] {
  return value.split("/").map((part) => part.trim()).filter((part) => /^[\d .]+$/.test(part));
}

function Hotlines({ guides }: { guides: Guide[] }) {
  const seen = new Map<string, string>();
  for (const contact of guides.flatMap((guide) => guide.contacts ?? []))
    if (contact.kind === "phone") for (const one of numbersOf(contact.value)) if (!seen.has(one)) seen.set(one, pick(contact.name));
  if (!seen.size) return null;
  return (
    <section aria-labelledby="hotlines">
      <h2 id="hotlines">{t("guides.hotlines")}</h2>
      <ul class="calls">
        {[...seen].map(([value, name]) => (
          <li key={value}>
            <Call value={value} name={name} />
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Call({ value, name }: { value: string; name: string }) {
  return (
    <a class="call" href={`tel:${value.replace(/\D/g, "")}`} aria-label={`${t("guides.call", { number: value })}: ${name}`}>
      <Icon name="phone" large />
      <span>
        <span class="call-number">{value}</span>
        <span class="call-name">{name}</span>
      </span>
    </a>
  );
}
