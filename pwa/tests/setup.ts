/** Tests run in Node on an IndexedDB in memory. */
import "fake-indexeddb/auto";
