import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CommandError } from "../../src/net/errors";
import { Socket, type SocketState } from "../../src/net/socket";
import { FakeSocket } from "../fake_socket";
import { ME } from "../samples";

const WS = "ws://test/ws";
const tokens = { fresh: vi.fn(async () => "fresh"), refresh: vi.fn(async () => "refreshed") };
let socket: Socket;
let states: SocketState[];

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.opened = [];
  tokens.fresh.mockReset().mockResolvedValue("fresh");
  tokens.refresh.mockReset().mockResolvedValue("refreshed");
  states = [];
  socket = new Socket({
    url: WS,
    streamUrl: "/stream",
    tokens,
    random: () => 1,
    openSocket: (url, protocols) => new FakeSocket(url, protocols),
    openStream: (url, accessToken) => new FakeSocket(url, [accessToken]),
  });
  socket.onState = (state) => states.push(state);
});

afterEach(() => {
  socket.stop();
  vi.useRealTimers();
});

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

async function goLive(): Promise<FakeSocket> {
  socket.start();
  await settle();
  FakeSocket.last.ready(ME);
  await settle();
  return FakeSocket.last;
}

describe("the socket", () => {
  test("offers the token as a subprotocol and is live only once its owner has synced", async () => {
    let finishSync = (): void => {};
    socket.onReady = () => new Promise((resolve) => (finishSync = resolve));
    const ws = await goLive();
    expect(ws.protocols).toEqual(["chatcraft.v1", "bearer.fresh"]);
    expect(socket.state).toBe("syncing");
    finishSync();
    await settle();
    expect(states).toEqual(["connecting", "syncing", "live"]);
  });

  test("matches replies to commands, whatever their order", async () => {
    const ws = await goLive();
    const first = socket.call("users.me", {});
    const second = socket.call("rooms.list", {});
    const refused = socket.call("rooms.browse", {});
    ws.reply(ws.sent[1]!.ref, "second");
    ws.reply(ws.sent[0]!.ref, "first");
    ws.refuse(ws.sent[2]!.ref, "rate_limited", 700);
    expect(await first).toBe("first");
    expect(await second).toBe("second");
    await expect(refused).rejects.toMatchObject({ code: "rate_limited", retryAfterMs: 700 });
  });

  test("fails what is in flight when the connection is cut, then comes back after a jittered delay", async () => {
    const ws = await goLive();
    const lost = expect(socket.call("users.me", {})).rejects.toMatchObject({ code: "disconnected" });
    ws.cut();
    await lost;
    expect(socket.state).toBe("offline");
    await vi.advanceTimersByTimeAsync(499);
    expect(FakeSocket.opened).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.opened).toHaveLength(2);
  });

  test("waits longer after each failure and begins anew once it was live", async () => {
    await goLive();
    for (const delay of [500, 1_000, 2_000]) {
      FakeSocket.last.cut();
      await settle();
      // The second handshake in a row that led to nothing: the stream is tried at once, and fails as well.
      if (FakeSocket.last.url === "/stream") FakeSocket.last.cut();
      await vi.advanceTimersByTimeAsync(delay - 1);
      const before = FakeSocket.opened.length;
      await vi.advanceTimersByTimeAsync(1);
      expect(FakeSocket.opened).toHaveLength(before + 1);
    }
    FakeSocket.last.ready(ME);
    await settle();
    FakeSocket.last.cut();
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.opened.map(({ url }) => url)).toEqual([WS, WS, WS, "/stream", WS, WS]);
  });

  test("refreshes the token before it comes back from 4003", async () => {
    (await goLive()).cut(4003);
    await settle();
    expect(tokens.refresh).toHaveBeenCalledOnce();
    expect(FakeSocket.last.protocols[1]).toBe("bearer.refreshed");
  });

  test("stays away after a code that says so", async () => {
    const reasons: string[] = [];
    socket.onStop = (reason) => reasons.push(reason);
    (await goLive()).cut(4502);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(reasons).toEqual(["too_many_connections"]);
    expect(FakeSocket.opened).toHaveLength(1);
  });

  test("leaves a draining node within the time it named", async () => {
    const ws = await goLive();
    ws.emit({ ev: "draining", d: { retry_after_ms: 5_000 } });
    ws.cut(1012);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(FakeSocket.opened).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.opened).toHaveLength(2);
  });

  test("drops a connection whose sync fails, and tries again", async () => {
    socket.onReady = () => Promise.reject(new CommandError("timeout", "late"));
    await goLive();
    expect(socket.state).toBe("offline");
    expect(FakeSocket.last.isClosed).toBe(true);
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.opened).toHaveLength(2);
  });

  test("notices a half-open connection by its silence", async () => {
    const ws = await goLive();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(ws.of("presence.unwatch")).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(ws.isClosed).toBe(true);
  });

  test("takes any answer, a refusal too, as a sign of life", async () => {
    const ws = await goLive();
    socket.wake();
    ws.refuse(ws.of("presence.unwatch")[0]!.ref, "invalid_input");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(socket.state).toBe("live");
  });

  test("a handshake that never finishes is given up", async () => {
    socket.start();
    await settle();
    await vi.advanceTimersByTimeAsync(15_000);
    expect(FakeSocket.last.isClosed).toBe(true);
    expect(socket.state).toBe("offline");
  });

  test("an old connection that speaks up late is not heard", async () => {
    const old = await goLive();
    const heard: string[] = [];
    socket.onFrame = (frame) => heard.push(frame.ev);
    old.cut();
    old.emit({ ev: "message.created", d: {} });
    expect(heard).toEqual([]);
  });

  test("survives frames that are no protocol of ours", async () => {
    const ws = await goLive();
    ws.onmessage?.({ data: "{" });
    ws.onmessage?.({ data: "[1]" });
    ws.onmessage?.({ data: "null" });
    expect(socket.state).toBe("live");
  });
});
