function (doc) {
  if (doc.type === "person" && typeof doc.name === "string" && doc.unit) emit([doc.ward, doc.unit], doc.name);
}
