/** Large choices to tap, real radios and checkboxes underneath. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Icon } from "./Icon";
import { Picture } from "./Picture";

export interface Option {
  value: string;
  label: string;
  /** a second, smaller line */
  hint?: string | undefined;
  icon?: string | undefined;
  picture?: string | undefined;
}

interface Face {
  type: "radio" | "checkbox";
  name: string;
  option: Option;
  checked: boolean;
  onChange: (checked: boolean) => void;
  describedBy?: string | undefined;
}

export function Choice({ type, name, option, checked, onChange, describedBy }: Face) {
  return (
    <label class="choice">
      <input
        class="choice-input"
        type={type}
        name={name}
        value={option.value}
        checked={checked}
        aria-describedby={describedBy}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span class="choice-face">
        {option.picture ? <Picture name={option.picture} /> : null}
        {option.icon ? <Icon name={option.icon} /> : null}
        <span class="choice-text">
          {option.label}
          {option.hint ? <span class="choice-hint"> {option.hint}</span> : null}
        </span>
        <span class="choice-mark">
          <Icon name="check" />
        </span>
      </span>
    </label>
  );
}

interface One {
  legend: ComponentChildren;
  options: Option[];
  value: string | undefined;
  onChange: (value: string) => void;
  /** how they lie: side by side as they fit, or one below another */
  layout?: "wrap" | "grid" | "list" | undefined;
  error?: string | undefined;
  quiet?: boolean | undefined;
  id?: string | undefined;
}

/** One of several. */
export function ChooseOne({ legend, options, value, onChange, layout = "wrap", error, quiet, id }: One) {
  const name = useId();
  return (
    <fieldset class="choices" id={id} aria-describedby={error ? `${name}-error` : undefined}>
      <legend class={quiet ? "legend is-quiet" : "legend"}>{legend}</legend>
      <div class={`choices-${layout}`}>
        {options.map((option) => (
          <Choice
            key={option.value}
            type="radio"
            name={name}
            option={option}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
        ))}
      </div>
      {error ? <Problem id={`${name}-error`}>{error}</Problem> : null}
    </fieldset>
  );
}

interface Many {
  legend: ComponentChildren;
  options: Option[];
  values: readonly string[];
  onChange: (values: string[]) => void;
  quiet?: boolean | undefined;
}

/** Any of several. */
export function ChooseMany({ legend, options, values, onChange, quiet }: Many) {
  const name = useId();
  return (
    <fieldset class="choices">
      <legend class={quiet ? "legend is-quiet" : "legend"}>{legend}</legend>
      <div class="choices-wrap">
        {options.map((option) => (
          <Choice
            key={option.value}
            type="checkbox"
            name={name}
            option={option}
            checked={values.includes(option.value)}
            onChange={(checked) =>
              onChange(checked ? [...values, option.value] : values.filter((value) => value !== option.value))
            }
          />
        ))}
      </div>
    </fieldset>
  );
}

/** What is wrong with a field, in words and with a sign. */
export function Problem({ id, children, kind = "bad" }: { id?: string; children: ComponentChildren; kind?: "bad" | "wait" }) {
  return (
    <p class={`problem is-${kind}`} id={id}>
      <Icon name="warning" />
      <span>{children}</span>
    </p>
  );
}
