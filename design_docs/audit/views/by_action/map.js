function (doc) {
  if (doc.type === "audit") emit([doc.ward, doc.action, doc.at], null);
}
