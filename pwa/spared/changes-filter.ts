/** Instead of pouchdb-changes-filter, which PouchDB can do without: the app filters no changes. */
export default function plugin(): void {}
