import { useId } from "preact/hooks";
import { Problem } from "./Choices";

/** A number of people, with a button less and a button more. */
export function Stepper(props: {
  label: string;
  value: number;
  onChange: (value: number) => void;
  less: string;
  more: string;
  max?: number;
  error?: string | undefined;
}) {
  const { label, value, onChange, less, more, max = 500, error } = props;
  const id = useId();
  const set = (next: number) => onChange(Math.min(max, Math.max(1, next)));
  return (
    <div class="field">
      <label class="label" for={id}>
        {label}
      </label>
      <div class="stepper">
        <button type="button" class="button is-square" aria-label={less} disabled={value <= 1} onClick={() => set(value - 1)}>
          <span aria-hidden="true">−</span>
        </button>
        <input
          id={id}
          class="input stepper-input"
          inputMode="numeric"
          autocomplete="off"
          value={Number.isNaN(value) ? "" : value}
          aria-invalid={error ? true : undefined}
          onInput={(event) => onChange(Number.parseInt(event.currentTarget.value, 10))}
        />
        <button type="button" class="button is-square" aria-label={more} disabled={value >= max} onClick={() => set((value || 0) + 1)}>
          <span aria-hidden="true">+</span>
        </button>
      </div>
      {error ? <Problem>{error}</Problem> : null}
    </div>
  );
}
