import { describe, expect, test } from "vitest";
import { SseParser } from "../../src/net/sse";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (...pieces: Uint8Array[]): string[] => {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.feed(piece));
};

const STREAM = ': ping\n\nid: r:1:2\ndata: {"text":"🦉 ñ 漢"}\n\n: ping\n\ndata: two\n\n';
const EVENTS = ['{"text":"🦉 ñ 漢"}', "two"];

describe("server-sent events", () => {
  test.each(["\n", "\r\n", "\r"])("are the same wherever they are cut, also inside a character (%j)", (end) => {
    // What a CR ends is read once it is known that no LF follows: hence the last comment.
    const whole = bytes(`${STREAM}: end\n`.replaceAll("\n", end));
    for (let cut = 0; cut <= whole.length; cut += 1) {
      expect(read(whole.slice(0, cut), whole.slice(cut))).toEqual(EVENTS);
    }
    expect(read(...[...whole].map((byte) => Uint8Array.of(byte)))).toEqual(EVENTS);
  });

  test("may hold several lines of data, of which one space in front is no part", () => {
    expect(read(bytes("data: one\ndata:  two\ndata\ndata:three\n\n"))).toEqual(["one\n two\n\nthree"]);
  });

  test("say nothing before they are whole, and nothing without data", () => {
    expect(read(bytes("data: half\n"))).toEqual([]);
    expect(read(bytes("event: x\nretry: 5\ndatum: no\n\n\n\n"))).toEqual([]);
  });
});
