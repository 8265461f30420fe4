function (doc) {
  function key(x) { return typeof x === "string" && /^[a-z0-9][a-z0-9_-]{0,47}$/.test(x); }
  function id(x) { return typeof x === "string" && /^[0-9A-Za-z:_-]{1,80}$/.test(x); }
  function day(doc) {
    var record = doc.type === "visit" && doc.record && doc.record.value;
    if (!record || record.withdrawn === true || !key(record.outcome)) return null;
    if (!doc.created || !id(doc.created.by)) return null;
    if (doc.household !== null && doc.household !== undefined && !id(doc.household)) return null;
    var time = typeof record.at === "string" && record.at.length === 24 ? Date.parse(record.at) : NaN;
    if (isNaN(time) || new Date(time).toISOString() !== record.at) return null;
    var text = new Date(time + 7 * 3600 * 1000).toISOString().slice(0, 10);
    return text >= "2000-01-01" && text < "2100-01-01" ? text : null;
  }
  // A number (yyyymmdd), because _stats keeps the least one: the first day.
  var on = day(doc);
  if (on && id(doc.household)) emit(doc.household, Number(on.replace(/-/g, "")));
}
