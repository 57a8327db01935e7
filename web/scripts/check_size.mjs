// Fails the build when what a browser loads before the first click outgrows its budget.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_BYTES = 100_000;
const dist = new URL("../dist/", import.meta.url);
const html = readFileSync(new URL("index.html", dist), "utf8");
const scripts = [...html.matchAll(/(?:src|href)="\/([^"]+\.js)"/g)].map((match) => match[1]);
if (scripts.length === 0) throw new Error("dist/index.html names no script");
if (/<script(?![^>]*\bsrc=)|<style|\sstyle=/i.test(html)) {
  throw new Error("dist/index.html holds an inline script or style, which the Content-Security-Policy refuses");
}
let total = 0;
for (const script of scripts) total += gzipSync(readFileSync(new URL(script, dist)), { level: 9 }).length;
console.log(`initial JavaScript: ${(total / 1000).toFixed(1)} kB gzip of ${BUDGET_BYTES / 1000} kB`);
if (total > BUDGET_BYTES) process.exit(1);
