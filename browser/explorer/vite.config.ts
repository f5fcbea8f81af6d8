import { defineConfig } from "vite";

// The services' addresses while developing: `npm run dev` beside `make run`.
const api = process.env["ACTIONLOG_QUERY_URL"] ?? "http://127.0.0.1:8001";

export default defineConfig({
  base: "/",
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // the Content-Security-Policy has no data: for scripts and styles
    modulePreload: false, // its polyfill would be an inline script
    reportCompressedSize: true,
  },
  server: { proxy: { "/log": api, "/pipeline": api } },
});
