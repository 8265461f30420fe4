function (doc) {
  if (doc.type === "device" && !doc.revoked) emit(doc.person, null);
}
