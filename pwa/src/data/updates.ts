/** New versions of the app: they wait until someone says yes, so that no form is ever interrupted. */
import type { Signal } from "@preact/signals";

let waiting: ServiceWorker | null = null;

export async function watchUpdates(ready: Signal<boolean>): Promise<void> {
  if (typeof navigator === "undefined" || !navigator.serviceWorker || import.meta.env.DEV) return;
  const registration = await navigator.serviceWorker.register(`${import.meta.env.BASE_URL}sw.js`);
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
