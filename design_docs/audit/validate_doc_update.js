function (newDoc, oldDoc) {
  // Entries are added, and never changed or removed: not even by an administrator's mistake.
  if (oldDoc || newDoc._deleted) throw ({ forbidden: "append-only" });
  if (newDoc.type !== "audit" || !/^audit:[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(newDoc._id)) throw ({ forbidden: "not-an-entry" });
}
