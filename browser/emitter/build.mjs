// Both builds from one source: dist/index.js (ESM) and dist/actionlog.js (a script; global `actionlog`).
import { mkdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { minify } from "terser";

async function make(file, options, terserOptions) {
  const { outputFiles } = await build({
    entryPoints: ["src/index.ts"],
    bundle: true,
    write: false,
    outfile: `dist/${file}`,
    target: "es2022",
    sourcemap: "external",
    sourcesContent: true,
    ...options,
  });
  const [map, code] = outputFiles.map((output) => output.text);
  const small = await minify(
    { [file]: code },
    {
      ecma: 2020,
      // Methods of our own objects: never stored, never seen from outside, and no name of the browser's.
      mangle: { properties: { regex: /^(settle|inherit|spill|sendLast|held|again|added|leave|known)$/ } },
      compress: { passes: 4, unsafe_arrows: true, unsafe_methods: true, keep_fargs: false, pure_getters: true },
      sourceMap: { content: map, filename: file },
      ...terserOptions,
    },
  );
  mkdirSync("dist", { recursive: true });
  writeFileSync(`dist/${file}`, small.code);
  writeFileSync(`dist/${file}.map`, small.map);
}

await make("index.js", { format: "esm" }, { module: true });
await make("actionlog.js", { format: "iife", globalName: "actionlog" });
