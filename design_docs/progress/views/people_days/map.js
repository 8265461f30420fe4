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
  function count(help) {
    var n = help.count === undefined ? 1 : help.count;
    if (typeof n === "string" && /^[0-9]{1,3}$/.test(n)) n = Number(n);
    return typeof n === "number" && n >= 1 && n <= 500 && Math.floor(n) === n ? n : 0;
  }
  function helps(record) {
    return (Array.isArray(record.helps) ? record.helps : []).filter(function (help) {
      var named = help && help.person !== null && help.person !== undefined;
      return help && key(help.service) && key(help.level) && count(help) > 0 && (!named || id(help.person));
    });
  }
  // Who was helped on which day: distinct people (người) of a chosen range; more than 0: said to be of 60 and over.
  var on = day(doc);
  if (!on) return;
  helps(doc.record.value).forEach(function (help) {
    if (id(help.person)) emit([on, help.person], help.age_band === "60-plus" ? 1 : 0);
  });
}
