/**
 * Asks IndexedDB for strict durability wherever none is chosen: PouchDB passes no option, and browsers have made
 * "relaxed" the default, which answers "written" while the record is still in the memory of the operating system.
 */
export function makeDurable(prototype: { transaction: IDBDatabase["transaction"] } = IDBDatabase.prototype): void {
  const plain = prototype.transaction as IDBDatabase["transaction"] & { durable?: true };
  if (plain.durable) return;
  const durable: IDBDatabase["transaction"] = function (this: IDBDatabase, stores, mode, options) {
    if (mode !== "readwrite") return plain.call(this, stores, mode);
    return plain.call(this, stores, mode, { durability: "strict", ...options });
  };
  prototype.transaction = Object.assign(durable, { durable: true as const });
}
