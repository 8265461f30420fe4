/** A screen that is fetched when it is first shown; all are fetched when the phone is idle. */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { fetchTexts, t, type Part } from "../texts";

const fetchers: ((shown: boolean) => Promise<unknown>)[] = [];

/**
 * With `words`, the screen waits only for those parts of the texts.
 *
 * @param meanwhile what is shown until it is here; by default that it is being fetched
 */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>, words?: Part[], meanwhile?: null): ComponentType<P> {
  const loaded = signal<ComponentType<P> | null>(null);
  const failed = signal<unknown>(null);
  let asked: Promise<unknown> | null = null;
  const fetch = (shown: boolean) =>
    (asked ??= Promise.all([load(), fetchTexts(words)]).then(
      ([component]) => void (loaded.value = component),
      (error: unknown) => {
        asked = null;
        if (shown) failed.value = error; // else it is tried again when it is wanted
      },
    ));
  fetchers.push(fetch);
  return function Lazy(props: P) {
    const Component = loaded.value;
    if (Component) return <Component {...props} />;
    if (failed.value) {
      const error = failed.value;
      failed.value = null;
      throw error;
    }
    void fetch(true);
    return meanwhile === null ? null : <p class="loading">{t("app.loading")}</p>;
  };
}

/** Fetches the remaining screens one after another. */
export async function fetchScreens(): Promise<void> {
  for (const fetch of fetchers) await fetch(false);
}
