/** The words: complete in both languages, none left over, every placeholder kept. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { en } from "../src/texts/en";
import { vi as first } from "../src/texts/vi";
import { joining } from "../src/texts/vi.joining";
import { list } from "../src/texts/vi.list";
import { lock } from "../src/texts/vi.lock";
import { screens } from "../src/texts/vi.screens";
import { signIn } from "../src/texts/vi.sign-in";
import { today } from "../src/texts/vi.today";

const vi = { ...first, ...signIn, ...today, ...joining, ...list, ...lock, ...screens };

const root = join(import.meta.dirname, "../src");
const code = (readdirSync(root, { recursive: true }) as string[])
  .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("texts"))
  .map((name) => readFileSync(join(root, name), "utf8"))
  .join("\n");
/** Keys made at run time: `state.${one}` covers all that begin so. */
const made = [...code.matchAll(/`([a-z-]+(?:[.-][a-z-]+)*\.)\$\{/g)].map((hit) => hit[1] as string);
const holes = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

describe("the texts", () => {
  it("have every key in both languages", () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(vi).sort());
  });

  it("are all used somewhere", () => {
    const unused = Object.keys(vi).filter((key) => !code.includes(`"${key}"`) && !made.some((prefix) => key.startsWith(prefix)));
    expect(unused).toEqual([]);
  });

  it.each(Object.keys(vi) as (keyof typeof vi)[])("says the same things in both languages: %s", (key) => {
    expect(vi[key].trim(), key).not.toBe("");
    expect(holes(en[key])).toEqual(holes(vi[key]));
    expect(vi[key]).toBe(vi[key].normalize("NFC"));
  });

  it.each([
    ["screens/SignIn.tsx", signIn],
    ["screens/Unlock.tsx", lock],
    ["screens/ChoosePin.tsx", lock],
    ["screens/Households.tsx", list],
    ["ui/DoorRow.tsx", {}],
    ["screens/Today.tsx", today],
    ["ui/Lost.tsx", today],
    ["screens/Join.tsx", joining],
    ["screens/InsideAnother.tsx", joining],
    ["ui/CopyButton.tsx", joining],
    ["screens/Install.tsx", joining],
    ["screens/InstallFirst.tsx", joining],
    ["screens/InstallReminder.tsx", joining],
    ["screens/install-steps.ts", joining],
  ])("wait for no others on the screens that the app opens on: %s", (name, own) => {
    const used = [...readFileSync(join(root, name), "utf8").matchAll(/"([a-z-]+(?:\.[a-z0-9-]+)+)"/g)].map((hit) => hit[1] as string);
    const missing = used.filter((key) => key in vi && !(key in first) && !(key in own));
    expect(missing, "drawn as a bare key when the app opens").toEqual([]);
  });
});
