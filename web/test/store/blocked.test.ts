// A whole client where no WebSocket gets through: frames by the stream, commands over REST.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ServerApi } from "../../src/net/api";
import { Client } from "../../src/store/client";
import type { OutboxDb } from "../../src/store/outbox_db";
import { FakeSocket } from "../fake_socket";
import { FakeStream, stubFetch } from "../fake_stream";
import { created, element, frame, HER, ME, message, ROOM } from "../samples";

const noDisk: OutboxDb = { load: async () => [], put: async () => {}, remove: async () => {} };
const token = `h.${btoa(JSON.stringify({ sub: ME, sid: "login" }))}.s`;
const ready = { ev: "ready", d: { user: { id: ME, display_name: "Me", username: "me" }, limits: {} } };

let client: Client;
let fetched: ReturnType<typeof stubFetch>;

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
const page = (...elements: object[]): object => ({ ref: 1, ok: { rooms: elements, left: [], next_cursor: null } });
const texts = (): string[] => client.rooms.peek(ROOM)!.timeline.messages.map(({ text }) => text);
const asked = (path: string): number => fetched.mock.calls.filter(([url]) => url.includes(path)).length;

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", class extends FakeSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      queueMicrotask(() => this.cut());
    }
  });
  fetched = stubFetch((url, body) => {
    if (url.includes("/presence")) return { presences: [{ user_id: HER, status: "online", text: null, last_active_at: null }] };
    return { message: message(9, { ...(body as object), sender_id: ME, rev: 9 }), duplicate: false };
  });
  client = new Client(new ServerApi("http://test"), noDisk);
  client.account.userId.value = ME;
  await client.outbox.open(ME);
  client.api.session.adopt({ access_token: token, expires_in_s: 1e6, refresh_token: null });
  client.api.socket.start();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(FakeStream.opened).toHaveLength(1);
});

afterEach(() => {
  client.api.socket.stop();
  client.api.session.forget();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a client without WebSocket", () => {
  test("takes the snapshot and what follows it in the same piece", async () => {
    FakeStream.last.write(ready, page(element(2, [message(1), message(2)])), created(3), created(4));
    await settle();
    expect(texts()).toEqual(["text 1", "text 2", "text 3", "text 4"]);
    expect(client.connection.state.value).toBe("live");
    expect(client.connection.door.value).toBe("stream");
  });

  test("goes on from what it holds after a cut", async () => {
    FakeStream.last.write(ready, page(element(2, [message(1), message(2)])), created(3));
    await settle();
    FakeStream.last.end();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeStream.opened).toHaveLength(2);
    expect(FakeStream.last.positions).toEqual({ [ROOM]: { epoch: 1, rev: 3 } });
    FakeStream.last.write(ready, page(element(4, [message(4)], { state: "caught_up" })), created(5));
    await settle();
    expect(texts()).toEqual(["text 1", "text 2", "text 3", "text 4", "text 5"]);
  });

  test("has a room anew by the next stream", async () => {
    FakeStream.last.write(ready, page(element(2, [message(1), message(2)])), frame("room.reset", 0, { room_id: ROOM }));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeStream.last.positions).toEqual({ [ROOM]: { epoch: 0, rev: 0 } });
    FakeStream.last.write(ready, page(element(1, [message(1)], { state: "reset" })));
    await settle();
    expect(texts()).toEqual(["text 1"]);
    FakeStream.last.end();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeStream.last.positions).toEqual({ [ROOM]: { epoch: 1, rev: 1 } });
  });

  test("sends over REST, and tells nobody of typing", async () => {
    FakeStream.last.write(ready, page(element(2, [message(1), message(2)])));
    await settle();
    client.typing.tell(ROOM);
    client.sendMessage(ROOM, "over REST");
    await settle();
    expect(asked("/rooms/")).toBe(1);
    expect(asked("typing")).toBe(0);
    expect(texts().at(-1)).toBe("over REST");
    expect(client.outbox.items.value).toEqual([]);
  });

  test("asks every minute who is here, of those shown", async () => {
    FakeStream.last.write(ready, page());
    await settle();
    client.presence.show("list", [HER]);
    await vi.advanceTimersByTimeAsync(100);
    expect(client.presence.find(HER)?.status).toBe("online");
    expect(asked("/presence")).toBe(1);
    FakeStream.last.writeText(": ping\n\n");
    await vi.advanceTimersByTimeAsync(30_000);
    FakeStream.last.writeText(": ping\n\n");
    await vi.advanceTimersByTimeAsync(30_000);
    expect(asked("/presence")).toBe(2);
  });
});
