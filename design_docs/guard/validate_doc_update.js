function (newDoc, oldDoc, userCtx, secObj) {
  // The second wall behind the gateway: what holds for every document of a unit whoever forwards it.
  // oldDoc is null when a revision brings no known ancestor, so nothing here may rely on it alone.
  function refuse(code) { throw ({ forbidden: code }); }
  function same(a, b) {
    if (a === b) return true;
    if (!a || !b || typeof a !== "object" || typeof b !== "object") return false;
    var left = Object.keys(a), right = Object.keys(b);
    return left.length === right.length && left.every(function (key) { return same(a[key], b[key]); });
  }

  if (userCtx.roles.indexOf("_admin") >= 0) return;

  var members = (secObj && secObj.members && secObj.members.roles) || [];
  var own = userCtx.roles.filter(function (role) { return members.indexOf(role) >= 0; });
  var role = /^w[0-9]{5}-(.+)$/.exec(own[0] || "");
  if (!userCtx.name || !role) refuse("not-allowed");

  if (newDoc._deleted) refuse("deletion");
  if (newDoc._attachments) refuse("attachment");
  var id = /^(visit|household|resident):[0-7][0-9A-HJKMNP-TV-Z]{25}$/.exec(newDoc._id);
  if (!id || newDoc.type !== id[1]) refuse("bad-id");
  if (newDoc.unit !== role[1]) refuse("wrong-unit");
  if (typeof newDoc.schema !== "number" || newDoc.schema < 1) refuse("malformed");
  var created = newDoc.created;
  if (!created || typeof created.by !== "string" || typeof created.at !== "string") refuse("malformed");

  if (newDoc.type === "visit" && !(newDoc.record && newDoc.record.value)) refuse("malformed");
  if (newDoc.type === "resident" && typeof newDoc.household !== "string") refuse("malformed");
  var identity = newDoc.identity && newDoc.identity.value;
  if (identity && (identity.name || identity.phone) && !identity.consent) refuse("no-consent");

  if (oldDoc && oldDoc._deleted) refuse("gone");
  if (oldDoc && !same(oldDoc.created, created)) refuse("created-changed");
}
