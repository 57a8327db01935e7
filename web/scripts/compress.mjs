// Puts a .gz beside every asset that is worth it: the gateway sends it to whoever accepts it.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const assets = new URL("../dist/assets", import.meta.url).pathname;
const WORTH_BYTES = 1024;

for (const name of readdirSync(decodeURIComponent(assets))) {
  if (!/\.(js|css|svg|json)$/.test(name)) continue;
  const path = join(decodeURIComponent(assets), name);
  const content = readFileSync(path);
  if (content.length >= WORTH_BYTES) writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
}
