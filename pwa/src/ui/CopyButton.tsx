/** Copies what an element shows, and says whether that worked. */
import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { t } from "../texts";
import { Icon } from "./Icon";

export function CopyButton({ of, label, done }: { of: RefObject<HTMLElement>; label: string; done: string }) {
  const told = useSignal("");
  const copy = async () => {
    told.value = of.current && (await copied(of.current)) ? done : t("copy.failed");
  };
  return (
    <>
      <button type="button" class="button is-wide" onClick={() => void copy()}>
        <Icon name="document" />
        {label}
      </button>
      <p role="status">{told.value}</p>
    </>
  );
}

/** Browsers inside apps often lack the clipboard, and the old way is left to them. */
async function copied(element: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(element.innerText);
    return true;
  } catch {
    getSelection()?.selectAllChildren(element);
    return document.execCommand("copy");
  }
}
