// Many PouchDBs write apart, then replicate both ways through the store at argv[2]; prints whether all hold the same.
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'

const require = createRequire(new URL('../../pwa/package.json', import.meta.url))
const PouchDB = require('pouchdb-core')
PouchDB.plugin(require('pouchdb-adapter-http'))
PouchDB.plugin(require('pouchdb-adapter-memory'))
PouchDB.plugin(require('pouchdb-replication'))

const [clients, documents] = process.argv.slice(3).map(Number)
const address = new URL(process.argv[2])
const auth = { username: address.username, password: address.password }
address.username = address.password = ''
const remote = () => new PouchDB(address.href, { auth, skip_setup: true })
const phones = Array.from({ length: clients }, (_, n) => new PouchDB(`many${n}-${Date.now()}`, { adapter: 'memory' }))

const textOf = (one, n) => ({ content_type: 'text/plain', data: btoa(`tệp ${one} ${n}`.normalize('NFD').replace(/[^\x20-\x7e]/g, '')) })
const make = (one, n) => ({ _id: `d${one}-${n}`, one, n, name: 'Đức', ...(n % 20 === 0 ? { _attachments: { t: textOf(one, n) } } : {}) })

// Shared documents, which everybody has before going offline
await remote().bulkDocs(Array.from({ length: 20 }, (_, n) => ({ _id: `shared${n}`, by: 'nobody' })))
await Promise.all(phones.map((phone) => phone.replicate.from(remote())))
await Promise.all(phones.map(async (phone, one) => {
  const written = await phone.bulkDocs(Array.from({ length: documents }, (_, n) => make(one, n)))
  await phone.bulkDocs(written.filter((_, n) => n % 10 === 1).map((row) => ({ _id: row.id, _rev: row.rev, _deleted: true })))
  for (let n = one % 3; n < 20; n += 3) {
    const shared = await phone.get(`shared${n}`)
    await (n % 7 === 6 ? phone.remove(shared) : phone.put({ ...shared, by: one, _attachments: { t: textOf(one, n) } }))
  }
}))
const before = Date.now()
for (let round = 0; round < 2; round++) await Promise.all(phones.map((phone) => phone.sync(remote(), { batch_size: 200 })))
const seconds = (Date.now() - before) / 1000

// Every leaf of every document, and what winners say, attachments included
async function look(db) {
  const { results } = await db.changes({ style: 'all_docs' })
  const leaves = results.map((row) => [row.id, !!row.deleted, ...row.changes.map((c) => c.rev).sort()])
  const { rows } = await db.allDocs({ include_docs: true })
  const bodies = rows.map(({ doc: { _attachments, ...rest } }) => [JSON.stringify(Object.entries(rest).sort()),
    Object.entries(_attachments ?? {}).map(([name, stub]) => [name, stub.digest, stub.length])])
  return { leaves: leaves.sort((a, b) => (a[0] < b[0] ? -1 : 1)), bodies, contested: leaves.filter((row) => row.length > 3).length }
}
const hash = (value) => createHash('sha256').update(JSON.stringify(value)).digest('hex')
const seen = []
for (const db of [remote(), ...phones]) seen.push(await look(db))
const idle = await Promise.all(phones.map((phone) => phone.sync(remote())))
console.log(JSON.stringify({
  seconds, documents: seen[0].leaves.length, living: seen[0].bodies.length, contested: seen[0].contested,
  leaves: [...new Set(seen.map((one) => hash(one.leaves)))].length, bodies: [...new Set(seen.map((one) => hash(one.bodies)))].length,
  idle: idle.reduce((sum, one) => sum + one.push.docs_written + one.pull.docs_written, 0),
}))
process.exit(0)
