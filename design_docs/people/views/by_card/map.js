function (doc) {
  if (doc.type === "person" && doc.card) emit(doc.card.number, null);
}
