/** The record is on the disk; its receipt follows; the walk goes on. */
import { useSignal, useSignalEffect } from "@preact/signals";
import type { ScreenProps } from "../app/App";
import { Screen } from "../app/Screen";
import { to } from "../app/router";
import { doors, nextDoors, openHousehold, visitLines, type Door, type Receipt } from "../data";
import { t } from "../texts";
import { DoorRow, Plate, restOf } from "../ui/DoorRow";
import { Icon } from "../ui/Icon";
import { ReceiptLine } from "../ui/Receipt";

export function Saved({ params }: ScreenProps) {
  const household = params.id;
  const receipt = useReceipt(params.visit ?? "", household);
  const around = household ? nextDoors(household) : [];
  const here = doors.value.findIndex((door) => door.id === household);
  const after = around.filter((door) => doors.value.findIndex((one) => one.id === door.id) > here);
  const next = after.find((door) => !door.last) ?? after[0];
  return (
    <Screen title={t("saved.title")}>
      <div class="saved">
        <span class="saved-sign">
          <Icon name="check" large />
        </span>
        <div>
          <ReceiptLine receipt={receipt} />
          <p class="hint">{receipt.state === "waiting" ? t("saved.explain") : ""}</p>
        </div>
      </div>
      {household ? <Onward next={next} others={around.filter((door) => door !== next)} id={household} /> : <AtDesk />}
    </Screen>
  );
}

/** The receipt as it stands; the time is known once the document is read again. */
function useReceipt(visit: string, household: string | undefined): Receipt {
  const read = useSignal<Receipt | null>(null);
  useSignalEffect(() => {
    void visitLines.value;
    if (!household) return;
    void openHousehold(household).then(
      (view) => (read.value = view.visits.find((one) => one.visit._id === visit)?.receipt ?? null),
      () => undefined,
    );
  });
  const state = visitLines.value.find((one) => one.id === visit)?.state ?? "waiting";
  return read.value?.state === state ? read.value : { id: visit, rev: "", state };
}

function Onward({ next, others, id }: { next: Door | undefined; others: Door[]; id: string }) {
  return (
    <>
      {next ? (
        <a class="next-door" href={to("household", { id: next.id })}>
          <Plate address={next.address} />
          <span class="next-text">
            <span class="next-word">{t("saved.next")}</span> <span class="next-line">{restOf(next.address) || next.line}</span>
          </span>
          <Icon name="arrow" large />
        </a>
      ) : null}
      <div class="buttons">
        <a class="button" href={to("household", { id })}>
          {t("saved.household")}
        </a>
        <a class="button" href={to("households")}>
          {t("saved.list")}
        </a>
      </div>
      {others.length ? (
        <section aria-labelledby="others">
          <h2 id="others">{t("household.next")}</h2>
          <ul class="rows">
            {others.map((door) => (
              <DoorRow key={door.id} door={door} />
            ))}
          </ul>
        </section>
      ) : null}
    </>
  );
}

function AtDesk() {
  return (
    <div class="stack">
      <a class="button is-primary is-wide" href={to("tally")}>
        <Icon name="plus" />
        {t("saved.tally")}
      </a>
      <a class="button is-wide" href={to("today")}>
        {t("saved.today")}
      </a>
    </div>
  );
}
