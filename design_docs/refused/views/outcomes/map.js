function (doc) {
  if (doc.type === "refused" && doc.decision && doc.decision.done) emit([doc.by, doc.decision.at], null);
}
