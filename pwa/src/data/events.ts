/** What PouchDB uses of Node's `events`, for the browser. */
type Listener = (...values: unknown[]) => void;

export class EventEmitter {
  // made when first needed: PouchDB makes objects from the prototype without calling the constructor
  declare private heard?: Map<string, Listener[]>;

  on(name: string, listener: Listener): this {
    this.heard ??= new Map();
    this.heard.set(name, [...this.listeners(name), listener]);
    return this;
  }

  once(name: string, listener: Listener): this {
    const wrapped: Listener & { listener?: Listener } = (...values) => {
      this.removeListener(name, wrapped);
      listener.apply(this, values);
    };
    wrapped.listener = listener;
    return this.on(name, wrapped);
  }

  removeListener(name: string, listener: Listener): this {
    const same = (held: Listener & { listener?: Listener }) => held === listener || held.listener === listener;
    const left = this.listeners(name).filter((held) => !same(held));
    if (left.length) this.heard?.set(name, left);
    else this.heard?.delete(name);
    return this;
  }

  removeAllListeners(name?: string): this {
    if (name === undefined) this.heard?.clear();
    else this.heard?.delete(name);
    return this;
  }

  emit(name: string, ...values: unknown[]): boolean {
    const held = this.listeners(name);
    for (const listener of held) listener.apply(this, values);
    return held.length > 0;
  }

  listeners(name: string): Listener[] {
    return this.heard?.get(name) ?? [];
  }

  listenerCount(name: string): number {
    return this.listeners(name).length;
  }

  setMaxListeners(): this {
    return this;
  }

  addListener(name: string, listener: Listener): this {
    return this.on(name, listener);
  }
}

// PouchDB copies the methods it finds by Object.keys(EventEmitter.prototype); those of a class are hidden from it
for (const name of Object.getOwnPropertyNames(EventEmitter.prototype)) {
  if (name !== "constructor") Object.defineProperty(EventEmitter.prototype, name, { enumerable: true });
}

export default EventEmitter;
