import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const SOURCE = join(import.meta.dirname, "../src");
const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.(ts|tsx|css)$/.test(name))
  .map((name) => ({ name, text: readFileSync(join(SOURCE, name), "utf8") }));

// Imports point to the right only.
const LAYERS = ["ui", "store", "net"];

function layerOf(name: string): number {
  return LAYERS.indexOf(name.split("/")[0]!);
}

function importsOf(name: string, text: string): string[] {
  const specifiers = [...text.matchAll(/(?:from|import)\s+["'](\.[^"']+)["']/g)].map((match) => match[1]!);
  return specifiers.map((specifier) => relative(SOURCE, join(SOURCE, name, "..", specifier)));
}

describe("the layers of the web client", () => {
  test("imports point from ui to store to net, and components never reach the network", () => {
    const wrong = files.flatMap(({ name, text }) =>
      importsOf(name, text)
        .filter((target) => layerOf(name) >= 0 && layerOf(target) >= 0)
        .filter((target) => layerOf(target) < layerOf(name) || layerOf(target) > layerOf(name) + 1)
        .map((target) => `${name} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("only net/ opens sockets or fetches", () => {
    const wrong = files.filter(({ name, text }) => !name.startsWith("net/") && /(?<![.#\w])fetch\(|new WebSocket\(/.test(text));
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  test("no source file is longer than 250 lines, generated and style files aside", () => {
    const long = files
      .filter(({ name }) => !name.endsWith(".gen.ts") && !name.endsWith(".css"))
      .filter(({ text }) => text.split("\n").length > 251);
    expect(long.map(({ name }) => name)).toEqual([]);
  });

  test("nothing puts markup or style where the Content-Security-Policy would refuse it", () => {
    const wrong = files.filter(({ text }) => /dangerouslySetInnerHTML|\.innerHTML|setAttribute\("style"/.test(text));
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });
});
