/** The last two steps of `vite build`: the service worker with its list of files, and the sizes that we promise. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build, type Plugin, type ResolvedConfig } from "vite";
import { injectManifest } from "workbox-build";

/** Bundles src/sw.ts and writes into it the list of every file of the app with its revision. */
export function serviceWorker(): Plugin {
  let config: ResolvedConfig;
  return {
    name: "service-worker",
    apply: "build",
    configResolved: (resolved) => void (config = resolved),
    closeBundle: { sequential: true, handler: () => writeWorker(config) },
  };
}

async function writeWorker(config: ResolvedConfig): Promise<void> {
  const dist = join(config.root, config.build.outDir);
  await build({
    configFile: false,
    logLevel: "warn",
    root: config.root,
    publicDir: false,
    define: { "process.env.NODE_ENV": '"production"' },
    build: {
      outDir: dist,
      emptyOutDir: false,
      minify: "terser",
      terserOptions: { ecma: 2020, toplevel: true, compress: { passes: 3 } },
      target: ["chrome100", "safari16.4"],
      lib: { entry: join(config.root, "src/sw.ts"), formats: ["iife"], name: "sw", fileName: () => "sw.js" },
    },
  });
  const { count, size, warnings } = await injectManifest({
    globDirectory: dist,
    globPatterns: ["**/*.{html,js,css,svg,png,ico,woff2,webmanifest,json}"],
    globIgnores: ["sw.js"],
    dontCacheBustURLsMatching: /^assets\/.*-[\w-]{8}\./,
    swSrc: join(dist, "sw.js"),
    swDest: join(dist, "sw.js"),
  });
  for (const warning of warnings) config.logger.warn(warning);
  config.logger.info(`sw.js carries ${count} files, ${(size / 1000).toFixed(0)} kB`);
}

/** Prints the compressed size of each script, of the first paint (the entry and what it imports at once) and of all. */
export function printSizes(): Plugin {
  let config: ResolvedConfig;
  let first: string[] = [];
  return {
    name: "print-sizes",
    apply: "build",
    configResolved: (resolved) => void (config = resolved),
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((item) => item.type === "chunk");
      const reach = (name: string, seen: Set<string>): Set<string> => {
        if (seen.has(name)) return seen;
        seen.add(name);
        for (const next of chunks.find((chunk) => chunk.fileName === name)?.imports ?? []) reach(next, seen);
        return seen;
      };
      first = chunks.filter((chunk) => chunk.isEntry).flatMap((chunk) => [...reach(chunk.fileName, new Set())]);
    },
    closeBundle: { sequential: true, order: "post", handler: () => report(config, first) },
  };
}

function report(config: ResolvedConfig, first: string[]): void {
  const dist = join(config.root, config.build.outDir);
  const scripts = (readdirSync(dist, { recursive: true }) as string[]).filter((name) => name.endsWith(".js"));
  const sizes = scripts.sort().map((name) => {
    const text = new Uint8Array(readFileSync(join(dist, name)));
    return { name, gzip: gzipSync(text, { level: 9 }).length, brotli: brotliCompressSync(text).length };
  });
  const line = (name: string, rows: typeof sizes) => {
    const sum = (key: "gzip" | "brotli") => (rows.reduce((total, row) => total + row[key], 0) / 1000).toFixed(1);
    config.logger.info(`${name.padEnd(40)} ${sum("gzip").padStart(6)} kB gzip ${sum("brotli").padStart(6)} kB brotli`);
  };
  for (const row of sizes) line(row.name, [row]);
  line("before the first paint (goal 25 kB)", sizes.filter((row) => first.includes(row.name)));
  line("all JavaScript but English (goal 110 kB)", sizes.filter((row) => !/assets\/en-/.test(row.name)));
}
