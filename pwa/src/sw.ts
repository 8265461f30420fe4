/**
 * The app's own files, kept so that it opens without a network. Everything else is none of its business: it never
 * touches requests that write, nor anything outside /app/ (records live in PouchDB, the catalog in IndexedDB).
 *
 * A new version waits until the app asks for it, so that no form is ever interrupted.
 */
import { cleanupOutdatedCaches, matchPrecache, precache, type PrecacheEntry } from "workbox-precaching";

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: (PrecacheEntry | string)[] };

precache(self.__WB_MANIFEST);
cleanupOutdatedCaches();

const scope = new URL(self.registration.scope);

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  const name = request.mode === "navigate" ? "index.html" : url.pathname.slice(scope.pathname.length);
  event.respondWith(matchPrecache(name).then((kept) => kept ?? fetch(request)));
});

self.addEventListener("message", (event) => {
  if (event.data === "use-new-version") void self.skipWaiting();
});

// the first visit: the page that installs us is served from the cache from then on
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
