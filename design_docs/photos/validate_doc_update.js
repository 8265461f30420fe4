function (newDoc, oldDoc, userCtx, secObj) {
  // The second wall behind the gateway: photos and nothing else, of the own unit, that never change.
  function refuse(code) { throw ({ forbidden: code }); }

  if (userCtx.roles.indexOf("_admin") >= 0) return;

  var members = (secObj && secObj.members && secObj.members.roles) || [];
  var own = userCtx.roles.filter(function (role) { return members.indexOf(role) >= 0; });
  var role = /^w[0-9]{5}-(.+)$/.exec(own[0] || "");
  if (!userCtx.name || !role) refuse("not-allowed");

  if (newDoc._deleted) refuse("deletion");
  if (newDoc._attachments) refuse("attachment");
  if (!/^photo:[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(newDoc._id) || newDoc.type !== "photo") refuse("bad-id");
  if (newDoc.unit !== role[1]) refuse("wrong-unit");
  var created = newDoc.created;
  if (!created || typeof created.by !== "string" || typeof created.at !== "string") refuse("malformed");
  if (!newDoc.notice || typeof newDoc.notice.version !== "string") refuse("malformed");
  if (typeof newDoc.image !== "string" || newDoc.image.slice(0, 4) !== "/9j/") refuse("photo-unreadable");

  if (oldDoc && oldDoc._deleted) refuse("gone");
  if (oldDoc) refuse("past-changed");
}
