function (doc) {
  if (doc.type === "audit") emit([doc.ward, doc.by, doc.at], null);
}
