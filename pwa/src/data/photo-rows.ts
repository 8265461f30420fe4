/** The small rows that stand for photos of this phone; what is read before any photo is. */
import type { AppStore } from "./app-store";

/** The photos' database of a unit's, by whatever name that has. */
export const photosOf = (database: string): string => `${database}-photos`;

/** All rows of one photos' database. */
export const rowsOf = (name: string): IDBKeyRange => IDBKeyRange.bound(`photo:${name}:`, `photo:${name};`);
export const rowKey = (name: string, id: string): string => `photo:${name}:${id}`;

/** How many photos of a unit there are rows of. */
export const countRows = async (store: AppStore, database: string): Promise<number> =>
  (await store.keys("values", rowsOf(photosOf(database)))).length;
