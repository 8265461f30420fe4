/** Where a record is: on this phone, with the ward, or refused. Icon and word, never colour alone. */
import { moment } from "../app/time";
import type { Receipt, ReceiptState } from "../data";
import { t } from "../texts";
import { Icon } from "./Icon";

const kinds = { waiting: "wait", accepted: "ok", refused: "bad" } as const;

export function ReceiptLine({ receipt }: { receipt: Receipt }) {
  return (
    <p class={`mark is-${kinds[receipt.state]}`} data-testid="receipt" data-state={receipt.state}>
      <Icon name={receipt.state} />
      <span>{sentence(receipt)}</span>
    </p>
  );
}

function sentence({ state, at, reason }: Receipt): string {
  if (state === "waiting") return t("receipt.waiting");
  if (state === "refused") return reason ? t("receipt.refused", { reason }) : t("receipt.refused.plain");
  return at ? t("receipt.accepted", { time: moment(at) }) : t("receipt.accepted.plain");
}

/** The short form for rows of a list. */
export function StateMark({ state }: { state: ReceiptState }) {
  return (
    <span class={`mark is-${kinds[state]}`} data-state={state}>
      <Icon name={state} />
      <span>{t(`state.${state}`)}</span>
    </span>
  );
}
