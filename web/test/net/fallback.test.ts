// Two ways in: when the stream takes over from the WebSocket, and when it gives way again.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { doorAfterLoss } from "../../src/net/doors";
import { Socket } from "../../src/net/socket";
import { FakeSocket } from "../fake_socket";
import { ME } from "../samples";

const tokens = { fresh: vi.fn(async () => "fresh"), refresh: vi.fn(async () => "refreshed") };
const positions = { room: { epoch: 1, rev: 7 } };
let socket: Socket;
let asked: unknown[];

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.opened = [];
  asked = [];
  tokens.fresh.mockReset().mockResolvedValue("fresh");
  tokens.refresh.mockReset().mockResolvedValue("refreshed");
  socket = new Socket({
    url: "socket",
    streamUrl: "stream",
    tokens,
    random: () => 1,
    openSocket: (url, protocols) => new FakeSocket(url, protocols),
    openStream: (url, accessToken, held) => {
      asked.push(held);
      return new FakeSocket(url, [accessToken]);
    },
  });
  socket.positions = () => positions;
});

afterEach(() => {
  socket.stop();
  vi.useRealTimers();
});

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
const opened = (): string[] => FakeSocket.opened.map(({ url }) => url);

/** Lose the newest wire and wait as long as it takes to try again. */
async function fail(code = 1006): Promise<void> {
  const count = FakeSocket.opened.length;
  FakeSocket.last.cut(code);
  while (FakeSocket.opened.length === count) await vi.advanceTimersByTimeAsync(100);
}

async function fallBack(): Promise<FakeSocket> {
  socket.start();
  await settle();
  await fail();
  await fail();
  expect(opened()).toEqual(["socket", "socket", "stream"]);
  FakeSocket.last.ready(ME);
  await settle();
  expect(socket).toMatchObject({ state: "live", door: "stream", takesCommands: false });
  return FakeSocket.last;
}

describe("choosing the way in", () => {
  test("the stream follows the second handshake in a row that led to nothing", () => {
    expect(doorAfterLoss("socket", false, 1)).toBe("socket");
    expect(doorAfterLoss("socket", false, 2)).toBe("stream");
    expect(doorAfterLoss("socket", true, 2)).toBe("socket");
  });

  test("a stream that was open is opened again, one that was not gives way", () => {
    expect(doorAfterLoss("stream", true, 2)).toBe("stream");
    expect(doorAfterLoss("stream", false, 2)).toBe("socket");
  });
});

describe("falling back", () => {
  test("opens the stream at once, with what is held, where the WebSocket fails twice", async () => {
    await fallBack();
    expect(asked).toEqual([positions]);
  });

  test("goes back to the WebSocket first where the stream fails too: the server is away", async () => {
    socket.start();
    await settle();
    for (let loss = 0; loss < 5; loss += 1) await fail();
    expect(opened()).toEqual(["socket", "socket", "stream", "socket", "stream", "socket"]);
    FakeSocket.last.ready(ME);
    await settle();
    expect(socket).toMatchObject({ state: "live", door: "socket", takesCommands: true });
  });

  test("comes back by the stream after a cut, and by the WebSocket after a stream that will not open", async () => {
    await fallBack();
    await fail();
    FakeSocket.last.ready(ME);
    await settle();
    expect(socket).toMatchObject({ state: "live", door: "stream" });
    await fail();
    await fail();
    expect(opened().slice(3)).toEqual(["stream", "stream", "socket"]);
  });

  test("refreshes a token that the stream calls bad, and tries the WebSocket with the new one", async () => {
    socket.start();
    await settle();
    await fail();
    await fail();
    await fail(4003);
    expect(FakeSocket.last).toMatchObject({ url: "socket", protocols: ["chatcraft.v1", "bearer.refreshed"] });
  });

  test("stays away where the stream ends with a code that says so", async () => {
    const reasons: string[] = [];
    socket.onStop = (reason) => reasons.push(reason);
    (await fallBack()).cut(4500);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(reasons).toEqual(["login_ended"]);
    expect(opened()).toHaveLength(3);
  });
});

describe("the way back", () => {
  test("is tried every three minutes beside the stream, which goes on meanwhile", async () => {
    const stream = await fallBack();
    for (const count of [4, 5]) {
      await vi.advanceTimersByTimeAsync(180_000);
      expect(opened()).toHaveLength(count);
      expect(FakeSocket.last.url).toBe("socket");
      FakeSocket.last.cut();
      await settle();
    }
    expect(stream.isClosed).toBe(false);
    expect(socket).toMatchObject({ state: "live", door: "stream" });
  });

  test("leads to the WebSocket once one gets through, with a sync and without an outage", async () => {
    const stream = await fallBack();
    const states: string[] = [];
    const synced: string[] = [];
    socket.onState = (state) => states.push(state);
    socket.onReady = async () => void synced.push(socket.door);
    await vi.advanceTimersByTimeAsync(180_000);
    FakeSocket.last.ready(ME);
    await settle();
    expect(stream.isClosed).toBe(true);
    expect(socket).toMatchObject({ state: "live", door: "socket", takesCommands: true });
    expect(synced).toEqual(["socket"]);
    expect(states).toEqual(["syncing", "live"]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(opened()).toHaveLength(4);
  });

  test("is tried when the network wakes up, but not again and again", async () => {
    await fallBack();
    socket.wake();
    await settle();
    expect(opened()).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(30_000);
    socket.wake();
    socket.wake();
    await settle();
    expect(opened()).toHaveLength(4);
  });

  test("is given up when a handshake never finishes, and with the stream itself", async () => {
    await fallBack();
    await vi.advanceTimersByTimeAsync(180_000 + 15_000);
    expect(FakeSocket.last.isClosed).toBe(true);
    await vi.advanceTimersByTimeAsync(165_000);
    const tried = FakeSocket.last;
    expect(tried.isClosed).toBe(false);
    socket.stop();
    expect(tried.isClosed).toBe(true);
  });
});
