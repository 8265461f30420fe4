/**
 * Two phones, the app's own code, against a real server through a link that breaks: `run.js URL COUNT SEED PEOPLE
 * [kills]`.
 *
 * Each case records something, breaks one request of the syncs that follow, heals the link, and then every record must be on
 * the server, nothing may wait or be refused. In the end both phones and the server must hold the same. PEOPLE is JSON of two
 * logins with their passwords. A case that fails is repeated alone by `1` and the seed it printed. With `kills`,
 * no link breaks: it writes `kill-server` or `kill-store` as a line and goes on when a line comes back.
 */
import { createInterface } from "node:readline";
import { dice, Person } from "./person";
import { FAULTS, KILLS, Proxy } from "./proxy";

const [address = "", count = "300", first = "1", people = "{}", mode = ""] = process.argv.slice(2);
const target = new URL(address);
const faults = mode === "kills" ? KILLS : FAULTS;

/** One case; what is wrong in the end, nothing when all is well. */
async function run(seed: number, proxy: Proxy, persons: Person[]): Promise<string> {
  const roll = dice(seed);
  const person = persons[roll(persons.length)] as Person;
  const fault = faults[roll(faults.length)] as string;
  if (roll(12) === 0) await person.takeNewPhone(); // whose first sync is broken
  else for (let edits = 1 + roll(3); edits > 0; edits--) await person.record(roll);
  proxy.arm(roll(4), fault, roll(100) / 100);
  for (let rounds = 1 + roll(2); rounds > 0; rounds--) await person.sync();
  if (roll(5) === 0) await person.restart();
  proxy.heal();
  let complaint = "";
  for (let tries = 0; tries < 4; tries++) {
    await person.sync();
    complaint = await person.complaint();
    if (!complaint) return "";
  }
  return `${fault}: ${complaint}`;
}

async function main(): Promise<void> {
  const proxy = new Proxy(target);
  await proxy.open();
  if (mode === "kills") {
    const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    proxy.kill = async (what) => {
      console.log(what);
      await lines.next();
    };
  }
  const persons = Object.entries(JSON.parse(people) as Record<string, string>).map(([login, password]) => new Person(target, () => proxy.url, login, password));
  for (const person of persons) await person.takeNewPhone();
  for (const person of persons) await person.sync();
  let [passed, failed] = [0, 0];
  // a case whose fault came to nothing does not count
  for (let seed = Number(first); passed + failed < Number(count); seed++) {
    const before = proxy.fired;
    const complaint = await run(seed, proxy, persons);
    if (complaint) console.log(`seed ${seed}: ${complaint}`);
    if (complaint) failed++;
    else if (proxy.fired > before) passed++;
  }
  const apart = await compare(persons);
  if (apart) console.log(apart);
  console.log(`${passed} passed, ${failed + (apart ? 1 : 0)} failed`);
  for (const { phone } of persons) await phone.stop();
  proxy.close();
  process.exit(failed || apart ? 1 : 0);
}

/** Both phones and the server hold the same once the server has merged. */
async function compare(persons: Person[]): Promise<string> {
  for (let tries = 0; tries < 40; tries++) {
    for (const person of persons) await person.sync();
    const [one, ...others] = await Promise.all(persons.map((person) => person.shown()));
    const torn = await persons[0]?.torn();
    if (!torn?.length && others.every((other) => other === one)) return "";
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return difference(persons);
}

/** What is not the same, for whoever looks for the reason. */
async function difference(persons: Person[]): Promise<string> {
  const torn = (await persons[0]?.torn()) ?? [];
  const [one = "", two = ""] = await Promise.all(persons.map((person) => person.shown()));
  const parts = [one, two].map((text) => new Set((JSON.parse(text) as unknown[][]).flat().map((row) => JSON.stringify(row))));
  const only = (at: number) => [...(parts[at] ?? [])].filter((row) => !parts[1 - at]?.has(row)).slice(0, 5);
  return `in the end in conflict: ${torn.join(", ")}; only on the first phone ${only(0).join(" ")}, on the second ${only(1).join(" ")}`;
}

void main();
