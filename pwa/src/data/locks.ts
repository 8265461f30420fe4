/** Turns between the tabs of one browser. Where it knows no Web Locks there is nobody to wait for, as in Node. */
const locks = () => (typeof navigator === "undefined" ? undefined : navigator.locks);

/** Runs while no other tab has the lock; undefined, at once, when one has. */
export async function alone<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
  const found = locks();
  if (!found) return work();
  return found.request(name, { ifAvailable: true }, async (lock) => (lock ? await work() : undefined));
}

/** Holds a lock that many may hold at once, until it is let go: nobody is `alone` with it meanwhile. */
export function hold(name: string): Promise<() => void> {
  const found = locks();
  if (!found) return Promise.resolve(() => undefined);
  return new Promise((resolve, reject) => {
    const held = () => new Promise<void>((letGo) => resolve(letGo));
    found.request(name, { mode: "shared" }, held).catch(reject);
  });
}
