/** Instead of pouchdb-selector-core: the app filters no changes by a selector. */
export function matchesSelector(): never {
  throw new Error("changes by selector are left out of the app");
}
