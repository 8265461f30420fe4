// Replicates between PouchDB and the store at argv[2], and prints what each side holds.
import { createRequire } from 'node:module'

const require = createRequire(new URL('../../pwa/package.json', import.meta.url))
const PouchDB = require('pouchdb-core')
PouchDB.plugin(require('pouchdb-adapter-http'))
PouchDB.plugin(require('pouchdb-adapter-memory'))
PouchDB.plugin(require('pouchdb-replication'))

const address = new URL(process.argv[2])
const auth = { username: address.username, password: address.password }
address.username = address.password = ''
const remote = new PouchDB(address.href, { auth, skip_setup: true })
const phone = new PouchDB(`phone${Date.now()}`, { adapter: 'memory' })
const other = new PouchDB(`other${Date.now()}`, { adapter: 'memory' })

await phone.bulkDocs(Array.from({ length: 250 }, (_, n) => ({ _id: `d${n}`, n, name: 'Đức' })))
await phone.put({ _id: 'photo', _attachments: { p: { content_type: 'text/plain', data: btoa('pixels') } } })
const pushed = await phone.replicate.to(remote)
const pulled = await other.replicate.from(remote)
// Both change the same document, so that one of the two becomes a conflict.
for (const [db, by] of [[phone, 'phone'], [other, 'other']]) {
  const doc = await db.get('d1')
  await db.put({ ...doc, by })
  await db.remove(await db.get(by === 'phone' ? 'd2' : 'd3'))
}
await phone.sync(remote)
await other.sync(remote)
await phone.sync(remote)
const conflicted = await Promise.all([phone, other, remote].map((db) => db.get('d1', { conflicts: true })))
const counts = await Promise.all([phone, other, remote].map(async (db) => (await db.info()).doc_count))
const photo = await (await other.getAttachment('photo', 'p')).toString()
const live = remote.replicate.to(other, { live: true })
await new Promise((done) => live.once('paused', done))
const arrived = new Promise((done) => live.on('change', (change) => done(change.docs[0]._id)))
await phone.put({ _id: 'late' })
await phone.replicate.to(remote)
const late = await arrived
const idle = await phone.replicate.to(remote)
live.cancel()
console.log(JSON.stringify({
  pushed: pushed.docs_written, pulled: pulled.docs_written, counts, photo, late, idle: idle.docs_written,
  winners: conflicted.map((doc) => doc._rev), conflicts: conflicted.map((doc) => doc._conflicts),
}))
process.exit(0)
