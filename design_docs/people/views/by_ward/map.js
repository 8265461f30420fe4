function (doc) {
  if (doc.type === "person") emit([doc.ward, doc.unit || null], null);
}
