/** How many forms are open: while one is, nothing may interrupt, no update and no reload. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

export const openForms = signal(0);

/** Call in every form. */
export function useOpenForm(): void {
  useEffect(() => {
    openForms.value += 1;
    return () => {
      openForms.value -= 1;
    };
  }, []);
}
