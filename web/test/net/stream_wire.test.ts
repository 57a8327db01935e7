import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { StreamWire } from "../../src/net/stream_wire";
import { FakeStream, stubFetch } from "../fake_stream";

let wire: StreamWire;
let heard: Record<string, unknown>[];
let closes: number[];
let status: number;

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

beforeEach(async () => {
  vi.useFakeTimers();
  status = 200;
  stubFetch(undefined, () => status);
  await open();
});

afterEach(() => {
  wire.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function open(): Promise<void> {
  heard = [];
  closes = [];
  wire = new StreamWire("/api/v1/stream", "token", { room: { epoch: 1, rev: 7 } });
  wire.onmessage = ({ data }: { data: string }) => heard.push(JSON.parse(data) as Record<string, unknown>);
  wire.onclose = ({ code }: { code: number }) => closes.push(code);
  await settle();
}

describe("the stream", () => {
  test("asks with the token and the positions held, and hands on the frames of a socket", async () => {
    expect(FakeStream.last).toMatchObject({ token: "token", positions: { room: { epoch: 1, rev: 7 } } });
    FakeStream.last.write({ ev: "ready", d: {} }, { ev: "message.created", rev: 8, d: {} });
    await settle();
    expect(heard.map(({ ev }) => ev)).toEqual(["ready", "message.created"]);
  });

  test("hands each page of the sync to whoever asks, whether the page or the question comes first", async () => {
    FakeStream.last.write({ ref: 1, ok: "page 1" });
    await settle();
    expect(heard).toEqual([]);
    wire.send('{"op":"sync","ref":31,"d":{"rooms":{}}}');
    wire.send('{"op":"sync","ref":32,"d":{"rooms":{},"cursor":"x"}}');
    FakeStream.last.write({ ref: 2, ok: "page 2" });
    await settle();
    expect(heard).toEqual([{ ref: 31, ok: "page 1" }, { ref: 32, ok: "page 2" }]);
  });

  test("keeps events back until the page before them has been taken", async () => {
    const order: string[] = [];
    wire.onmessage = ({ data }: { data: string }) => {
      if (!data.includes("page")) order.push("event");
      else void Promise.resolve().then(async () => {
        for (let turn = 0; turn < 20; turn += 1) await null;
        order.push("page taken");
      });
    };
    wire.send('{"op":"sync","ref":1,"d":{}}');
    FakeStream.last.write({ ref: 1, ok: "page" }, { ev: "message.created", d: {} });
    await settle();
    expect(order).toEqual(["page taken", "event"]);
  });

  test("refuses every other command by itself", async () => {
    wire.send('{"op":"typing.start","ref":5,"d":{}}');
    expect(heard).toMatchObject([{ ref: 5, error: { code: "unavailable" } }]);
  });

  test("ends with the code that the server names", async () => {
    FakeStream.last.write({ ev: "closed", d: { code: 4500, reason: "login ended" } }, { ev: "late", d: {} });
    await settle();
    expect(closes).toEqual([4500]);
    expect(heard).toEqual([]);
    expect(FakeStream.last.signal.aborted).toBe(true);
  });

  test("is lost when it ends without a word, and when one room must come anew", async () => {
    FakeStream.last.end();
    await settle();
    expect(closes).toEqual([1006]);
    await open();
    wire.send('{"op":"sync","ref":1,"d":{"only":true}}');
    expect(closes).toEqual([1006]);
  });

  test("says that the token is at fault where it is", async () => {
    status = 401;
    await open();
    expect(closes).toEqual([4003]);
    status = 503;
    await open();
    expect(closes).toEqual([1006]);
  });

  test("takes the server's pings as a sign of life, and their absence as the end", async () => {
    for (let ping = 0; ping < 4; ping += 1) {
      await vi.advanceTimersByTimeAsync(25_000);
      FakeStream.last.writeText(": ping\n\n");
    }
    await settle();
    expect(closes).toEqual([]);
    await vi.advanceTimersByTimeAsync(50_000);
    expect(closes).toEqual([1006]);
  });

  test("says nothing once it was closed from here", async () => {
    wire.close();
    FakeStream.last.write({ ev: "message.created", d: {} });
    await settle();
    expect(closes).toEqual([]);
  });
});
