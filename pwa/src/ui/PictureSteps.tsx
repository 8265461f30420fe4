/** Steps in a browser's own menus, each with a drawing of where on the screen to look; the text alone says it all. */

const phone = "M18 4h28a4 4 0 0 1 4 4v48a4 4 0 0 1-4 4H18a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4z";
const sheet = "M10 10h44v44H10zM10 24h44M10 40h44";

/** On a grid of 64: what surrounds, the spot to look at, the sign in that spot. */
const drawings = {
  /** three dots at the top right */
  menu: { frame: `${phone}M20 30h24M20 37h24M20 44h16`, spot: "M40 5a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", sign: "M35.5 14h.01M40 14h.01M44.5 14h.01" },
  /** the square with an arrow up, at the bottom */
  share: { frame: `${phone}M20 14h24M20 21h24M20 28h16`, spot: "M32 38a10.5 10.5 0 1 0 0 21 10.5 10.5 0 0 0 0-21z", sign: "M32 51V42M28.8 45l3.2-3.2 3.2 3.2M28.5 47.5H27V54h10v-6.5h-1.5" },
  /** a line of a menu with a compass */
  browser: { frame: `${sheet}M18 17h22M18 47h22`, spot: "M10 24h44v16H10z", sign: "M21 26.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM23.2 29.8l-1.2 3.2-3.2 1.2 1.2-3.2zM32 32h15" },
  /** a line of a menu with a plus in a square */
  add: { frame: `${sheet}M18 17h22M18 47h22`, spot: "M10 24h44v16H10z", sign: "M16 27h10v10H16zM21 29.5v5M18.5 32h5M32 32h15" },
  /** one icon among others on the home screen */
  home: { frame: `${phone}M20 12h8v8h-8zM36 12h8v8h-8zM20 44h8v8h-8zM36 44h8v8h-8z`, spot: "M32 22a10 10 0 1 0 0 20 10 10 0 0 0 0-20z", sign: "M28 38V29l4-3.5 4 3.5v9zM31 38v-4h2v4" },
} as const;

export type Drawing = keyof typeof drawings;
export interface PictureStep {
  text: string;
  drawing: Drawing;
}

export function PictureSteps({ label, steps }: { label: string; steps: PictureStep[] }) {
  return (
    <ol class="steps" aria-label={label}>
      {steps.map(({ text, drawing }) => (
        <li key={text} class="picture-step">
          <span>{text}</span>
          <Picture drawing={drawing} />
        </li>
      ))}
    </ol>
  );
}

function Picture({ drawing }: { drawing: Drawing }) {
  const { frame, spot, sign } = drawings[drawing];
  return (
    <svg class="picture" viewBox="0 0 64 64" aria-hidden="true" focusable="false">
      <path class="picture-frame" d={frame} />
      <path class="picture-spot" d={spot} />
      <path class="picture-sign" d={sign} />
    </svg>
  );
}
