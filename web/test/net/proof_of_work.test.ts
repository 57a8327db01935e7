// What is found is what the server takes, and the page stays alive meanwhile.
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { Sha256, solve } from "../../src/net/proof_of_work";

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

test("the hash is SHA-256, however the text falls into blocks", () => {
  for (let length = 0; length < 200; length++) {
    const [beginning, end] = ["é".repeat(length % 7) + "x".repeat(length), String(length * 7919)];
    const words = new Sha256(new TextEncoder().encode(beginning)).finish(end);
    const hex = [...words].map((word) => word.toString(16).padStart(8, "0")).join("");
    expect(hex).toBe(digest(beginning + end));
  }
});

test("the smallest solution is found, as the Python client finds it", async () => {
  expect(await solve({ challenge: "chatcraft", bits: 12 })).toBe("2577");
});

test.each([0, 1, 8, 9, 13])("a solution begins with %i zero bits", async (bits) => {
  const challenge = "1764412345.c29tZSByYW5kb20gYml0cw.c2lnbmVkIGJ5IHRoZSBzZXJ2ZXIgaXRzZWxm";
  const solution = await solve({ challenge, bits });
  const binary = BigInt(`0x${digest(`${challenge}:${solution}`)}`).toString(2).padStart(256, "0");
  expect(binary.slice(0, bits)).toBe("0".repeat(bits));
});

test("the page is let do other things, and may call it off", async () => {
  const leaving = new AbortController();
  const endless = solve({ challenge: "too hard", bits: 200 }, leaving.signal);
  setTimeout(() => leaving.abort(new Error("gone elsewhere")), 30);
  await expect(endless).rejects.toThrow("gone elsewhere");
});
