import { defineConfig } from "vitest/config";

const gateway = process.env.CHATCRAFT_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  resolve: {
    // virtua is written against React; Preact's compatibility layer stands in for it.
    alias: {
      "react/jsx-runtime": "preact/jsx-runtime",
      "react-dom": "preact/compat",
      react: "preact/compat",
    },
  },
  build: {
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // The Content-Security-Policy allows no data: scripts or styles, and the preload polyfill would be inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // virtua says "use client", which only servers that render React heed.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
  server: {
    proxy: {
      "/api": gateway,
      "/files": gateway,
      "/ws": { target: gateway, ws: true },
    },
  },
  test: {
    environment: "happy-dom",
    include: ["test/**/*.test.{ts,tsx}"],
    setupFiles: ["test/setup.ts"],
    restoreMocks: true,
    // virtua ships CommonJS-looking imports of react: inlined, so that the alias above reaches it.
    server: { deps: { inline: ["virtua"] } },
  },
});
