/** The volunteer's card, held out at a door: who this is, and a code that a resident can check. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ScreenProps } from "../app/App";
import { Screen } from "../app/Screen";
import { to } from "../app/router";
import { longDay } from "../app/time";
import { cardCode, session, today, type Session } from "../data";
import { t } from "../texts";
import { Problem } from "../ui/Choices";

const LOOK = 15_000; // ms between two looks at the day: a card left open at midnight shows the new code

export function Card(_: ScreenProps) {
  const holder = session.value;
  return (
    <Screen title={t("card.title")}>
      {holder ? <Face holder={holder} /> : null}
      <p class="card-promise">{t("card.promise")}</p>
      <p>{t("card.check", { address: `${location.host}/kiem-tra` })}</p>
      <p class="hint">{t("card.photo")}</p>
      <a class="button" href={to("notice")}>
        {t("notice.title")}
      </a>
    </Screen>
  );
}

function Face({ holder }: { holder: Session }) {
  return (
    <section class="volunteer-card" aria-label={t("card.title")}>
      <p class="volunteer-name">{holder.person.name}</p>
      <p>
        {holder.unit.name}, {holder.ward.name}
      </p>
      {holder.card ? <Numbers number={holder.card.number} secret={holder.card.secret} /> : <Problem kind="wait">{t("card.none")}</Problem>}
    </section>
  );
}

function Numbers({ number, secret }: { number: string; secret: string }) {
  const day = useSignal(today());
  const code = useSignal("");
  const failed = useSignal(false);
  useEffect(() => {
    const timer = setInterval(() => (day.value = today()), LOOK);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    let current = true;
    cardCode(secret, day.value).then(
      (made) => current && ((code.value = made), (failed.value = false)),
      () => current && (failed.value = true), // a browser without WebCrypto, or a page without HTTPS
    );
    return () => void (current = false);
  }, [secret, day.value]);
  if (failed.value) return <Problem kind="wait">{t("card.failed")}</Problem>;
  return (
    <dl class="volunteer-numbers">
      <dt>{t("card.number")}</dt>
      <dd>{spaced(number)}</dd>
      <dt>
        {t("card.code")} <span class="volunteer-day">({longDay(day.value)})</span>
      </dt>
      <dd class="volunteer-code" data-testid="card-code">
        {code.value ? spaced(code.value) : "…"}
      </dd>
    </dl>
  );
}

/** "482 915": two groups are read aloud and typed more surely than six digits. */
const spaced = (digits: string) => `${digits.slice(0, 3)} ${digits.slice(3)}`;
