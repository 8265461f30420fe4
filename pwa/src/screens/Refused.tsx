import { useSignal, useSignalEffect } from "@preact/signals";
import type { ScreenProps } from "../app/App";
import { levelName, outcomeName, serviceName } from "../app/choices";
import { Screen } from "../app/Screen";
import { to } from "../app/router";
import { moment } from "../app/time";
import { addressLine, doors, refusedList, sync, type AnyDocument, type Receipt, type Refused as RefusedRow } from "../data";
import { t } from "../texts";
import { ReceiptLine } from "../ui/Receipt";

export function Refused(_: ScreenProps) {
  const rows = useSignal<RefusedRow[] | null>(null);
  useSignalEffect(() => {
    void sync.value.refused;
    void refusedList().then((list) => (rows.value = list));
  });
  return (
    <Screen title={t("refused.title")}>
      <p class="hint">{t("refused.intro")}</p>
      {rows.value?.length === 0 ? <p>{t("refused.none")}</p> : null}
      <ul class="cards">
        {rows.value?.map((row) => (
          <li class="card stack" key={row.receipt.id} data-testid="refused">
            <h2 class="card-title">{t(`refused.type.${row.document.type}`)}</h2>
            <ReceiptLine receipt={row.receipt} />
            {row.receipt.outcome ? <Outcome outcome={row.receipt.outcome} /> : null}
            <div>
              <p class="hint">{t("refused.content")}</p>
              {linesOf(row.document).map((line, index) => (
                <p key={index} class="note">
                  {line}
                </p>
              ))}
            </div>
            <Open document={row.document} returned={row.receipt.outcome?.state === "returned"} />
          </li>
        ))}
      </ul>
    </Screen>
  );
}

/** The ward's answer, in its own words. */
function Outcome({ outcome: { state, at, message } }: { outcome: NonNullable<Receipt["outcome"]> }) {
  return (
    <div data-testid="outcome">
      <p>
        <strong>{t(`refused.${state}`, { time: moment(at) })}</strong>
      </p>
      <p class="note">{message}</p>
    </div>
  );
}

/** The record in words, so that nothing of it is hidden behind codes. */
function linesOf(document: AnyDocument): string[] {
  if (document.type === "household") return [addressLine(document.address.value)];
  if (document.type === "resident") {
    const { name, phone } = document.identity?.value ?? {};
    return [document.label.value, name ?? "", phone ?? ""].filter(Boolean);
  }
  const record = document.record.value;
  const door = doors.value.find((one) => one.id === document.household);
  return [
    `${door?.line ?? t("today.visits.at-desk")} · ${moment(record.at)}`,
    outcomeName(record.outcome),
    ...(record.helps ?? []).map((help) => `${serviceName(help.service)} – ${levelName(help.service, help.level)}`),
    record.follow_up?.why ?? "",
    record.note ?? "",
  ].filter(Boolean);
}

function Open({ document, returned }: { document: AnyDocument; returned: boolean }) {
  const href =
    document.type === "household"
      ? to("editHousehold", { id: document._id })
      : document.type === "resident"
        ? to("editPerson", { id: document.household, person: document._id })
        : document.household
          ? to("amend", { id: document.household, visit: document._id })
          : to("amendTally", { visit: document._id });
  return (
    <a class="button" href={href}>
      {t(returned ? "refused.again" : "refused.open")}
    </a>
  );
}
