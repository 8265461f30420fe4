/** Forms: how many are open (while one is, nothing may interrupt), and under which key a half-written visit is kept. */
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

export const draftKey = (household: string, visit?: string): string => `visit:${visit ?? household}`;
