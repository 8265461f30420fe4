/** One guide, one step a card, big enough to be read at arm's length by two people. */
import { useSignal, type Signal } from "@preact/signals";
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
  return <Steps guide={guide} all={all} />;
}

function Steps({ guide, all }: { guide: GuideText; all: Signal<boolean> }) {
  const at = useSignal(0);
  const last = guide.steps.length - 1;
  const move = (by: number) => (at.value = Math.min(last, Math.max(0, at.value + by)));
  return (
    <Screen title={pick(guide.title)} bar={all.value ? null : <StepButtons at={at.value} last={last} move={move} />}>
      {all.value ? <AllSteps guide={guide} /> : <OneStep guide={guide} at={at.value} move={move} />}
      {guide.intro ? <p>{pick(guide.intro)}</p> : null}
      <Warnings guide={guide} />
      <Contacts guide={guide} />
      <div class="buttons">
        <button type="button" class="button" onClick={() => (all.value = !all.value)}>
          {t(all.value ? "guide.one" : "guide.all")}
        </button>
        <a class="button" href={to("guides")}>
          {t("guide.done")}
        </a>
      </div>
    </Screen>
  );
}

interface StepProps {
  at: number;
  move: (by: number) => void;
}

function OneStep({ guide, at, move }: StepProps & { guide: GuideText }) {
  const from = useRef<number | null>(null);
  const total = guide.steps.length;
  const step = guide.steps[at];
  const lift = (event: TouchEvent) => {
    const x = event.changedTouches[0]?.clientX ?? 0;
    if (from.current !== null && Math.abs(x - from.current) > 60) move(x < from.current ? 1 : -1);
    from.current = null;
  };
  if (!step) return null;
  return (
    <div class="stepwise" onTouchStart={(event) => (from.current = event.touches[0]?.clientX ?? null)} onTouchEnd={lift}>
      <div class="step" aria-live="polite">
        <p class="step-number">{t("guide.step", { n: at + 1, total })}</p>
        <h2 class="step-title">{pick(step.title)}</h2>
        <p class="step-text">{pick(step.text)}</p>
      </div>
      <progress class="progress" max={total} value={at + 1} aria-hidden="true" />
    </div>
  );
}

function StepButtons({ at, last, move }: StepProps & { last: number }) {
  return (
    <div class="step-buttons">
      <button type="button" class="button" disabled={at === 0} onClick={() => move(-1)}>
        <Icon name="back" />
        {t("guide.previous")}
      </button>
      <button type="button" class="button is-strong" disabled={at === last} onClick={() => move(1)}>
        {t("guide.next")}
        <Icon name="arrow" />
      </button>
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
