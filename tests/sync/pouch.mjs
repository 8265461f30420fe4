// Stock PouchDB replicating through the gateway. Input: JSON on the command line; output: JSON on stdout.
import { createRequire } from "node:module";

const { modules, url, good, bad, late } = JSON.parse(process.argv[2]);
const require = createRequire(`${modules}/`);
const load = (name) => {
  const found = require(name);
  return found.default ?? found;
};
const PouchDB = load("pouchdb-core");
for (const name of ["pouchdb-adapter-memory", "pouchdb-adapter-http", "pouchdb-replication"]) {
  PouchDB.plugin(load(name));
}

const requests = [];
const remote = (person) =>
  new PouchDB(url, {
    skip_setup: true,
    fetch: (address, options) => {
      options.headers.set("X-Test-Person", person);
      requests.push(`${options.method ?? "GET"} ${String(address).slice(url.length)}`);
      return PouchDB.fetch(address, options);
    },
  });
const local = (name) => new PouchDB(name, { adapter: "memory", auto_compaction: true });

async function run(replication) {
  const denied = [];
  replication.on("denied", (error) => denied.push({ id: error.id, rev: error.rev, code: error.code, reason: error.reason }));
  const result = await replication;
  return { written: result.docs_written, failures: result.doc_write_failures, denied };
}

const hoa = local("hoa");
const lan = local("lan");
await hoa.bulkDocs([...good, ...bad]);
const first = await run(hoa.replicate.to(remote("hoa")));
const again = await run(hoa.replicate.to(remote("hoa")));
const pulled = await run(lan.replicate.from(remote("lan")));
const rows = await lan.allDocs();

const waiting = new Promise((resolve) => {
  const changes = remote("lan").changes({ live: true, since: "now", heartbeat: false, timeout: 5000 });
  changes.on("change", (change) => {
    changes.cancel();
    resolve(change.id);
  });
});
await hoa.put(late);
const live = run(hoa.replicate.to(remote("hoa")));
const seen = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 8000, null))]);
await live;
let foreign = "open";
try {
  await remote("eve").info().then((info) => (foreign = info.error ?? "open"));
} catch (error) {
  foreign = String(error.status);
}

console.log(JSON.stringify({ first, again, pulled, ids: rows.rows.map((row) => row.id), seen, foreign, requests }));
process.exit(0);
