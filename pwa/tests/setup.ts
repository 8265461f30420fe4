/** Tests run in Node on an IndexedDB in memory. */
import "fake-indexeddb/auto";

// PouchDB asks the browser for its name; Node 20 has none
if (typeof navigator === "undefined") Object.defineProperty(globalThis, "navigator", { value: { userAgent: "node" } });
