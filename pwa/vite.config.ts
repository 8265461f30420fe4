import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { printSizes, serviceWorker } from "./service-worker.build";

/** What a phone fetches together with PouchDB anyway: one script compresses better than five. */
const LATE = /src\/data\/(engine|moving|leaving|handing-over|remains)\.ts$/;
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/**
 * The app lives under /app/. Nothing is inline (the content security policy allows our own origin only), every asset
 * but index.html and sw.js carries its hash, and PouchDB stays out of what the first paint needs. What PouchDB would bring
 * along and never call is left out (spared/).
 */
export default defineConfig({
  base: "/app/",
  root: here("."),
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  define: { "import.meta.env.VITE_VERSION": JSON.stringify(process.env.npm_package_version ?? "0") },
  resolve: {
    alias: {
      "pouchdb-selector-core": here("spared/selector.ts"),
      "pouchdb-md5": here("spared/md5.ts"),
      "pouchdb-json": here("spared/json.ts"),
      "pouchdb-changes-filter": here("spared/changes-filter.ts"),
      "pouchdb-binary-utils": here("spared/binary-utils.ts"),
      uuid: here("spared/uuid.ts"),
    },
  },
  build: {
    target: ["chrome100", "safari16.4"],
    minify: "terser",
    terserOptions: { ecma: 2020, module: true, compress: { passes: 3 } },
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    manifest: false,
    rollupOptions: { output: { onlyExplicitManualChunks: true, manualChunks: (id) => (LATE.test(id) ? 'remains' : undefined) } },
  },
  server: { host: "127.0.0.1", proxy: { "/api": "http://127.0.0.1:8009", "/sync": "http://127.0.0.1:8009", "/catalog": "http://127.0.0.1:8009" } },
  plugins: [serviceWorker(), printSizes()],
});
