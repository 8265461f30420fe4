function (doc) {
  // Documents of which revisions stand beside the winner, waiting to be merged.
  if (doc._conflicts) emit(doc.type, doc._conflicts.length);
}
