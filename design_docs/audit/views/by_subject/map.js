function (doc) {
  if (doc.type === "audit") emit([doc.ward, doc.subject, doc.at], null);
}
