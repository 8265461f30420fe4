function (doc) {
  if (doc.type !== "photo" || !doc.created) return;
  emit([doc.taken, doc._id], { at: doc.created.at, by: doc.created.by, caption: doc.caption });
}
