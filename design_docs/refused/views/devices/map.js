function (doc) {
  if (doc.type !== "refused" || doc.decision) return;
  emit(doc.device, typeof doc.size === "number" ? doc.size : JSON.stringify(doc.document).length);
}
