/** What every screen has: a heading that gets the focus, the document's title, perhaps a bar under the thumb. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../texts";
import { returning } from "./router";

let first = true;

interface Props {
  /** of the document too, which browsers write into their history: never a name or an address */
  title: string;
  /** shown in place of the title's text, for the same words better set */
  heading?: ComponentChildren;
  /** stays at the bottom edge while the screen scrolls */
  bar?: ComponentChildren;
  children: ComponentChildren;
}

export function Screen({ title, heading, bar, children }: Props) {
  const h1 = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    document.title = `${title} · ${t("app.name")}`;
  }, [title]);
  useLayoutEffect(() => {
    if (first) {
      first = false;
      return;
    }
    h1.current?.focus({ preventScroll: true });
    scrollTo(0, returning ?? 0);
  }, []);
  return (
    <main class="page" id="main">
      <div class="main">
        <h1 ref={h1} tabIndex={-1} class="title">
          {heading ?? title}
        </h1>
        {children}
      </div>
      {bar ? <div class="bar">{bar}</div> : null}
    </main>
  );
}
