/** New versions of the app: they wait until someone says yes, so that no form is ever interrupted. */
import type { Signal } from "@preact/signals";
import type { Shell } from "./types";

let waiting: ServiceWorker | null = null;

/** @param shell told when the app's own files are kept, or that they cannot be */
export async function watchUpdates(ready: Signal<boolean>, shell: Signal<Shell>): Promise<void> {
  if (typeof navigator === "undefined" || !navigator.serviceWorker || import.meta.env.DEV) return void (shell.value = "never");
  const registration = await navigator.serviceWorker.register(`${import.meta.env.BASE_URL}sw.js`);
  void navigator.serviceWorker.ready.then(() => (shell.value = "kept")); // one is active only when it has all the files
  const found = (worker: ServiceWorker | null) => {
    // the very first worker has nothing to replace
    if (!worker || !navigator.serviceWorker.controller) return;
    waiting = worker;
    ready.value = true;
  };
  found(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const worker = registration.installing;
    worker?.addEventListener("statechange", () => worker.state === "installed" && found(worker));
  });
}

/** Switches to the new version and loads the page anew. */
export function applyUpdate(): void {
  if (!waiting) return;
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
  waiting.postMessage("use-new-version");
}
