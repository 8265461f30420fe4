/** Instead of pouchdb-binary-utils: no document carries an attachment; PouchDB only tries whether it could. */
function leftOut(): never {
  throw new Error("attachments are left out of the app");
}

export const blob = (parts: BlobPart[], options: BlobPropertyBag): Blob => new Blob(parts, options);
export {
  leftOut as atob,
  leftOut as base64StringToBlobOrBuffer,
  leftOut as binaryStringToBlobOrBuffer,
  leftOut as blobOrBufferToBase64,
  leftOut as blobOrBufferToBinaryString,
  leftOut as btoa,
  leftOut as readAsBinaryString,
};
