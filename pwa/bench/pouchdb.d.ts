declare module "pouchdb-adapter-http" {
  const plugin: PouchDB.Plugin;
  export default plugin;
}

declare module "pouchdb-replication" {
  const plugin: PouchDB.Plugin;
  export default plugin;
}

declare namespace PouchDB {
  interface Database<Content extends {} = {}> {
    replicate: { from(source: string): Promise<unknown>; to(target: string): Promise<unknown> };
  }
}
