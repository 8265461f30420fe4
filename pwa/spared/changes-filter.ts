/** Instead of pouchdb-changes-filter: the app filters no changes. */
export default function plugin(PouchDB: { _changesFilterPlugin?: object }): void {
  PouchDB._changesFilterPlugin = {
    validate: (_: object, done: () => void) => done(),
    normalize: () => undefined,
    shouldFilter: () => false,
  };
}
