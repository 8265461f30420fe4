function (doc) {
  if (doc.type === "audit") emit([doc.ward, doc.at], null);
}
