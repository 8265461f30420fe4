// The stopwatch in the page: installed before the app's own scripts, read by bench/phone.py. Every time ends
// when the frame that shows the change has been drawn, or, for a save, when the app's own promise resolves.
(() => {
  const LIMIT = 150_000; // ms
  const PAUSE = 600; // ms

  const painted = () =>
    new Promise((done) =>
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => done(performance.now());
        port2.postMessage(0);
      }),
    );

  /** What a frame takes although nothing has changed: the measure of a busy machine. */
  const frame = async () => {
    const from = performance.now();
    document.documentElement.dataset.bench = from;
    return (await painted()) - from;
  };

  const present = (selector) =>
    new Promise((done, fail) => {
      const look = () => {
        const found = document.querySelector(selector);
        if (!found) return;
        watch.disconnect();
        clearTimeout(timer);
        done(found);
      };
      const watch = new MutationObserver(look);
      const timer = setTimeout(() => fail(new Error(`never came: ${selector}`)), LIMIT);
      watch.observe(document, { subtree: true, childList: true, attributes: true });
      look();
    });

  const press = async (selector) => (await present(selector)).click();

  /** From the start of the navigation until the rows are drawn, and until they have answered a first letter. */
  async function start() {
    await present("ul.rows a.row-link");
    const listed = await painted();
    const box = document.querySelector("#search");
    box.value = "n";
    box.dispatchEvent(new InputEvent("input", { bubbles: true }));
    return { listed, usable: await painted() };
  }

  /** From the tap on "sign in" until the phone says that it is ready to be used without a network. */
  async function arrive() {
    const from = await new Promise((done) =>
      addEventListener("submit", () => done(performance.now()), { capture: true, once: true }),
    );
    await present("[data-testid=ready]");
    return (await painted()) - from;
  }

  const keys = [];

  /** From each input event to the frame with its list; `changed`: it is another list. Nothing else is done then. */
  function watchKeys() {
    const rows = () => document.querySelector("main").textContent;
    let before = rows();
    const note = async ({ timeStamp }) => {
      const ms = (await painted()) - timeStamp;
      const after = rows();
      keys.push({ ms, changed: after !== before });
      before = after;
    };
    addEventListener("input", (event) => void note(event), { capture: true });
  }

  /** The common visit at this door, by taps on the app's own controls. */
  async function save(household) {
    location.hash = `#/ho/${encodeURIComponent(household)}/ghi`;
    await press("input[value=anonymous]");
    await press("input[value='60-plus']");
    await press("input[value=ihanoi]");
    await press("input[value=installed]");
    const button = await present("button[type=submit]:not([disabled])");
    await new Promise((done) => setTimeout(done, PAUSE)); // nobody taps faster; the draft is written meanwhile
    performance.clearMeasures("save-visit");
    const from = performance.now();
    button.click();
    await present(".saved");
    const shown = (await painted()) - from;
    return { ms: performance.getEntriesByName("save-visit").at(-1).duration, shown };
  }

  /** One record of a visit's size, written alone and strictly: what this browser and disk can do at best. */
  async function put() {
    const database = await new Promise((done) => {
      const request = indexedDB.open("bench", 1);
      request.onupgradeneeded = () => request.result.createObjectStore("one");
      request.onsuccess = () => done(request.result);
    });
    const from = performance.now();
    await new Promise((done, fail) => {
      const transaction = database.transaction("one", "readwrite", { durability: "strict" });
      transaction.oncomplete = done;
      transaction.onabort = () => fail(transaction.error);
      transaction.objectStore("one").put({ text: "n".repeat(800) }, Math.random());
    });
    const took = performance.now() - from;
    database.close();
    return took;
  }

  /** Milliseconds for a fixed piece of work: tells by how much the browser is really slowed. */
  function spin() {
    const from = performance.now();
    let sum = 0;
    for (let n = 0; n < 20_000_000; n++) sum = (sum * 31 + n) | 0;
    return sum === 0.5 ? 0 : performance.now() - from;
  }

  window.bench = { arrive, frame, keys, painted, present, put, save, spin, watchKeys };
  if (location.hash === "#/ho") window.bench.started = start();
})();
