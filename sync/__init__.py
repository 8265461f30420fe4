"""Everything that touches CouchDB: store client, gateway, quarantine, rollups, embedded store."""
