// Fails when the minified ESM build, gzipped as a web server does it (level 9), is above the bound.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const MAX_BYTES = 4096;
const file = new URL("dist/index.js", import.meta.url);
const code = readFileSync(file);
const gzipped = gzipSync(code, { level: 9 }).length;
console.log(`dist/index.js: ${code.length} bytes minified, ${gzipped} gzipped, at most ${MAX_BYTES}`);
process.exitCode = gzipped > MAX_BYTES ? 1 : 0;
