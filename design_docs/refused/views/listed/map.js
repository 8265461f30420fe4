function (doc) {
  if (doc.type !== "refused") return;
  var state = doc.decision ? "decided" : "open";
  var kind = doc.document && doc.document.type;
  var row = {
    unit: doc.unit, by: doc.by, device: doc.device, code: doc.code,
    kind: typeof kind === "string" ? kind.slice(0, 40) : "",
    outcome: doc.decision ? doc.decision.outcome : ""
  };
  // the empty text stands for "all", so that every choice of filters is one range of keys
  emit([state, "", "", doc.at], row);
  emit([state, doc.unit, "", doc.at], row);
  emit([state, "", doc.code, doc.at], row);
  emit([state, doc.unit, doc.code, doc.at], row);
}
