/** One line or a few lines of text with their label, hint and problem. */
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { hasIdNumber, hasOldIdNumber } from "../app/digits";
import { t } from "../texts";
import { Problem } from "./Choices";

interface Props {
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: string | undefined;
  error?: string | undefined;
  type?: "text" | "password" | "tel" | "date" | "search";
  inputMode?: "numeric" | "tel" | "text" | undefined;
  autocomplete?: string | undefined;
  maxLength?: number | undefined;
  min?: string | undefined;
  rows?: number | undefined;
  /** looks for numbers of identity cards, which are never written down */
  guarded?: boolean | undefined;
  capitalize?: "none" | "words" | "sentences" | undefined;
}

export function Field(props: Props) {
  const { label, value, onInput, hint, type = "text", rows, guarded } = props;
  const id = useId();
  const error = props.error ?? (guarded && hasIdNumber(value) ? t("number.twelve") : undefined);
  const doubt = !error && guarded && hasOldIdNumber(value) ? t("number.nine") : undefined;
  const described = [hint && `${id}-hint`, (error ?? doubt) && `${id}-error`].filter(Boolean).join(" ");
  const shared = {
    id,
    class: "input",
    value,
    maxLength: props.maxLength,
    autocomplete: props.autocomplete ?? "off",
    autocapitalize: props.capitalize ?? "sentences",
    "aria-invalid": error ? true : undefined,
    "aria-describedby": described || undefined,
    onInput: (event: JSX.TargetedInputEvent<HTMLInputElement | HTMLTextAreaElement>) => onInput(event.currentTarget.value),
  };
  return (
    <div class="field">
      <label class="label" for={id}>
        {label}
      </label>
      {hint ? (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      ) : null}
      {rows ? <textarea {...shared} rows={rows} /> : <input {...shared} type={type} inputMode={props.inputMode} min={props.min} />}
      <div aria-live="polite">
        {error ? <Problem id={`${id}-error`}>{error}</Problem> : null}
        {doubt ? (
          <Problem id={`${id}-error`} kind="wait">
            {doubt}
          </Problem>
        ) : null}
      </div>
    </div>
  );
}
