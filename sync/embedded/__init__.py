"""A small CouchDB on SQLite, for trying out, for tests and for a trial on one machine.

Speaks the part of CouchDB's HTTP interface that the server and the phones use, as recorded from
CouchDB 3.5.2 in ``tests/contract/``, and answers 501 to the rest. `server` serves it, `child` runs
it beside another program.
"""
