function (doc) {
  if (doc.type === "device") emit(doc.person, null);
}
