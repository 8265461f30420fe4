/**
 * The app's own files, kept so that it opens without a network. Everything else is none of its business: it never
 * touches requests that write, nor anything outside /app/ (records live in PouchDB, the catalog in IndexedDB). English is
 * kept once someone has chosen it, and from then on with every version.
 *
 * A new version waits until the app asks for it, so that no form is ever interrupted.
 */
import { cleanupOutdatedCaches, matchPrecache, precache, type PrecacheEntry } from "workbox-precaching";

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: (PrecacheEntry | string)[] };

const ENGLISH = "gtn-english";
const files = self.__WB_MANIFEST;
const urlOf = (file: PrecacheEntry | string) => (typeof file === "string" ? file : file.url);
const isEnglish = (file: PrecacheEntry | string) => /^assets\/en-/.test(urlOf(file));
const english = files.filter(isEnglish).map(urlOf);

precache(files.filter((file) => !isEnglish(file)));
cleanupOutdatedCaches();

const scope = new URL(self.registration.scope);

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  const name = request.mode === "navigate" ? "index.html" : url.pathname.slice(scope.pathname.length);
  event.respondWith(keptAs(name, request).then((kept) => kept ?? fetch(request)));
});

self.addEventListener("message", (event) => {
  if (event.data === "use-new-version") void self.skipWaiting();
  if (event.data === "keep-english") event.waitUntil(keepEnglish());
});

self.addEventListener("install", (event) => event.waitUntil(caches.has(ENGLISH).then((chosen) => (chosen ? keepEnglish() : undefined))));

// the first visit: the page that installs us is served from the cache from then on
self.addEventListener("activate", (event) => event.waitUntil(Promise.all([self.clients.claim(), dropOldEnglish()])));

async function keptAs(name: string, request: Request): Promise<Response | undefined> {
  return (await matchPrecache(name)) ?? (await caches.match(request, { cacheName: ENGLISH }));
}

async function keepEnglish(): Promise<void> {
  const cache = await caches.open(ENGLISH);
  const lacking = await Promise.all(english.map(async (file) => ((await cache.match(file)) ? [] : [file])));
  await cache.addAll(lacking.flat());
}

async function dropOldEnglish(): Promise<void> {
  if (!(await caches.has(ENGLISH))) return;
  const cache = await caches.open(ENGLISH);
  const kept = new Set(english.map((file) => new URL(file, scope).href));
  await Promise.all((await cache.keys()).map((request) => kept.has(request.url) || cache.delete(request)));
}
