function (doc) {
  if (doc.type === "person" && typeof doc.login === "string") emit(doc.login, null);
}
