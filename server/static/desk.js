// @ts-check
/**
 * Keeps an open desk page fresh: an event says that figures changed, the page is fetched again and
 * only the parts that differ are put in place. Without this script the page works as it stands.
 */

const page = /** @type {HTMLElement | null} */ (document.querySelector(".desk[data-live]"));
const GAP = 1000;
const AGAIN = 5000;

/** @param {HTMLElement} page */
function follow(page) {
  const state = /** @type {HTMLElement | null} */ (document.querySelector("#live"));
  const text = /** @type {HTMLElement | null} */ (document.querySelector("#live-text"));
  const say = /** @type {HTMLElement | null} */ (document.querySelector("#live-say"));
  if (!state || !text || !say) return;
  let wanted = false;
  let busy = false;
  let missed = false;
  let ended = false;
  /** @type {EventSource} */
  let source;

  /** @param {"on" | "lost"} now @param {string} words */
  function show(now, words) {
    if (state && state.dataset.state !== now) state.dataset.state = now;
    if (text && text.textContent !== words) text.textContent = words;
  }

  /** @param {string} words read out only when they change */
  function announce(words) {
    if (say && say.textContent !== words) say.textContent = words;
  }

  function updated() {
    const time = new Date().toLocaleTimeString("vi-VN", { hour12: false, timeZone: "Asia/Ho_Chi_Minh" });
    return (page.dataset.updated ?? "").replace("{time}", time);
  }

  function lose() {
    missed = true;
    show("lost", page.dataset.lost ?? "");
    announce(page.dataset.lost ?? "");
  }

  async function refresh() {
    wanted = true;
    if (busy) return;
    busy = true;
    while (wanted) {
      wanted = false;
      try {
        const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
        if (answer.status === 401 || answer.redirected) {
          ended = true;
          source.close();
          show("lost", page.dataset.signedOut ?? "");
          announce(page.dataset.signedOut ?? "");
          break;
        }
        if (!answer.ok) throw new Error(String(answer.status));
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        const changed = swap(fresh);
        if (source.readyState === EventSource.OPEN) show("on", updated());
        if (changed) announce((page.dataset.fresh ?? "").replace("{acts}", acts()));
      } catch {
        lose();
      }
      await new Promise((done) => setTimeout(done, GAP));
    }
    busy = false;
  }

  /** A browser tries again by itself after a cut, but gives up after an answer like 502: then we do. */
  function connect() {
    source = new EventSource(page.dataset.live ?? "");
    source.addEventListener("open", () => {
      show("on", updated());
      announce("");
      if (missed) void refresh();
      missed = false;
    });
    source.addEventListener("progress", () => void refresh());
    source.addEventListener("error", () => {
      lose();
      if (source.readyState !== EventSource.CLOSED || ended) return;
      void refresh(); // says so when the reader was signed out
      setTimeout(() => ended || connect(), AGAIN);
    });
  }

  connect();
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}

function acts() {
  return document.querySelector("[data-figure=acts] .figure-value")?.textContent?.trim() ?? "";
}

/**
 * Put what differs in place; whether anything did. What is open stays open, what is scrolled stays
 * scrolled, and the focus stays on the same link.
 *
 * @param {Document} fresh
 */
function swap(fresh) {
  const names = (/** @type {Document} */ from) =>
    [...from.querySelectorAll("[data-part]")].map((part) => part.getAttribute("data-part")).join();
  if (names(document) !== names(fresh)) {
    location.reload();
    return true;
  }
  let changed = false;
  for (const after of fresh.querySelectorAll("[data-part]")) {
    const before = document.querySelector(`[data-part="${after.getAttribute("data-part")}"]`);
    if (!before || same(before, after)) continue;
    changed = true;
    const restore = remember(before);
    before.replaceWith(document.adoptNode(after));
    restore(after);
  }
  return changed;
}

/** @param {Element} before @param {Element} after */
function same(before, after) {
  const copy = /** @type {Element} */ (before.cloneNode(true));
  for (const open of copy.querySelectorAll("details[open]")) open.removeAttribute("open");
  return copy.outerHTML === after.outerHTML;
}

/** @param {Element} part */
function remember(part) {
  const kept = new Map(
    [...part.querySelectorAll("[data-keep]")].map((element) => [
      element.getAttribute("data-keep"),
      { open: element instanceof HTMLDetailsElement && element.open, left: element.scrollLeft },
    ]),
  );
  const focused = part.contains(document.activeElement) ? place(part, document.activeElement) : null;
  return (/** @type {Element} */ now) => {
    for (const element of now.querySelectorAll("[data-keep]")) {
      const was = kept.get(element.getAttribute("data-keep"));
      if (!was) continue;
      if (element instanceof HTMLDetailsElement) element.open = was.open;
      element.scrollLeft = was.left;
    }
    if (focused) focused(now)?.focus({ preventScroll: true });
  };
}

const STOPS = "a[href], summary, [tabindex]";

/**
 * How to find an element again: a link by its address, since rows may change places; else by its turn.
 *
 * @param {Element} part
 * @param {Element | null} element
 */
function place(part, element) {
  const href = element?.getAttribute("href");
  const turn = [...part.querySelectorAll(STOPS)].findIndex((other) => other === element);
  return (/** @type {Element} */ now) => {
    const stops = /** @type {HTMLElement[]} */ ([...now.querySelectorAll(STOPS)]);
    return stops.find((other) => href && other.getAttribute("href") === href) ?? stops[turn];
  };
}

if (page && page.dataset.live && "EventSource" in window) follow(page);
