"""A small CouchDB for one machine: the replication protocol and views, on SQLite."""
