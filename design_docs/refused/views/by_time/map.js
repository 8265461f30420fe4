function (doc) {
  if (doc.type !== "refused") return;
  var kind = doc.document && doc.document.type;
  emit(doc.at, { unit: doc.unit, by: doc.by, device: doc.device, code: doc.code, kind: typeof kind === "string" ? kind.slice(0, 40) : "" });
}
