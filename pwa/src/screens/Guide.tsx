/** One guide, one step a card, big enough to be read at arm's length by two people. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { ScreenProps } from "../app/App";
import { Screen } from "../app/Screen";
import { to } from "../app/router";
import { catalog, type Guide as GuideText } from "../data";
import { pick, t } from "../texts";
import { Icon } from "../ui/Icon";
import { Call, numbersOf } from "./Guides";

export function Guide({ params }: ScreenProps) {
  const guide = catalog.value?.guides.find((one) => one.key === params.guide);
  const all = useSignal(false);
  if (!guide)
    return (
      <Screen title={t("guides.title")}>
        <p>{t("guide.missing")}</p>
      </Screen>
    );
  return (
    <Screen title={pick(guide.title)}>
      {guide.intro ? <p>{pick(guide.intro)}</p> : null}
      {all.value ? <AllSteps guide={guide} /> : <OneStep guide={guide} />}
      <button type="button" class="button is-wide" onClick={() => (all.value = !all.value)}>
        {t(all.value ? "guide.one" : "guide.all")}
      </button>
      <Warnings guide={guide} />
      <Contacts guide={guide} />
      <a class="button is-wide" href={to("guides")}>
        {t("guide.done")}
      </a>
    </Screen>
  );
}

function OneStep({ guide }: { guide: GuideText }) {
  const at = useSignal(0);
  const from = useRef<number | null>(null);
  const total = guide.steps.length;
  const step = guide.steps[at.value];
  const move = (by: number) => (at.value = Math.min(total - 1, Math.max(0, at.value + by)));
  const lift = (event: TouchEvent) => {
    const x = event.changedTouches[0]?.clientX ?? 0;
    if (from.current !== null && Math.abs(x - from.current) > 60) move(x < from.current ? 1 : -1);
    from.current = null;
  };
  if (!step) return null;
  return (
    <div class="stepwise" onTouchStart={(event) => (from.current = event.touches[0]?.clientX ?? null)} onTouchEnd={lift}>
      <div class="step" role="group" aria-roledescription={t("guide.step", { n: at.value + 1, total })} aria-live="polite">
        <p class="step-number">{t("guide.step", { n: at.value + 1, total })}</p>
        <h2 class="step-title">{pick(step.title)}</h2>
        <p class="step-text">{pick(step.text)}</p>
      </div>
      <progress class="progress" max={total} value={at.value + 1} aria-hidden="true" />
      <div class="step-buttons">
        <button type="button" class="button" disabled={at.value === 0} onClick={() => move(-1)}>
          <Icon name="back" />
          {t("guide.previous")}
        </button>
        <button type="button" class="button is-primary" disabled={at.value === total - 1} onClick={() => move(1)}>
          {t("guide.next")}
          <Icon name="arrow" />
        </button>
      </div>
    </div>
  );
}

function AllSteps({ guide }: { guide: GuideText }) {
  return (
    <ol class="steps">
      {guide.steps.map((step, index) => (
        <li key={index}>
          <strong>{pick(step.title)}</strong>
          <br />
          {pick(step.text)}
        </li>
      ))}
    </ol>
  );
}

function Warnings({ guide }: { guide: GuideText }) {
  if (!guide.warnings?.length) return null;
  return (
    <section aria-labelledby="warnings">
      <h2 id="warnings">{t("guide.warnings")}</h2>
      <ul class="cards">
        {guide.warnings.map((warning, index) => (
          <li class="card is-warning" key={index}>
            <Icon name="shield" large />
            <div>
              <p class="card-title">{pick(warning.title)}</p>
              <p>{pick(warning.text)}</p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Contacts({ guide }: { guide: GuideText }) {
  if (!guide.contacts?.length) return null;
  return (
    <section aria-labelledby="contacts">
      <h2 id="contacts">{t("guide.contacts")}</h2>
      <ul class="calls">
        {guide.contacts.flatMap((contact) => {
          const name = pick(contact.name);
          if (contact.kind === "phone") return numbersOf(contact.value).map((one) => <li key={one}><Call value={one} name={name} /></li>);
          return [
            <li key={name} class="place">
              <Icon name={contact.kind === "web" ? "globe" : "place"} large />
              <span>
                {contact.value ? <span class="call-number is-text">{contact.value}</span> : null}
                <span class="call-name">{name}</span>
              </span>
            </li>,
          ];
        })}
      </ul>
    </section>
  );
}
