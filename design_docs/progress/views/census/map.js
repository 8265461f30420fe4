function (doc) {
  // Households and residents that are still there, and the adults of those households that told us.
  if (doc.type !== "household" && doc.type !== "resident") return;
  if (doc.gone && doc.gone.value === true) return;
  emit(doc.type, 1);
  var adults = doc.type === "household" && doc.adults ? doc.adults.value : null;
  if (typeof adults !== "number" || !(adults >= 0 && adults <= 99) || Math.floor(adults) !== adults) return;
  emit("adults", adults);
  emit("adults-known", 1);
}
