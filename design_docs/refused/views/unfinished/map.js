function (doc) {
  if (doc.type === "refused" && doc.decision && !doc.decision.done) emit(doc._id, null);
}
