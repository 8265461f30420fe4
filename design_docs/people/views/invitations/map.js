function (doc) {
  if (doc.type === "invitation") emit(doc.person, null);
}
