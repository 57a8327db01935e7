// Looking elsewhere: what the server is told, what a room shows that only signals are known of, and catching up.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ServerApi } from "../../src/net/api";
import type { RoomActivity } from "../../src/net/contract.gen";
import { Client } from "../../src/store/client";
import { mentionsOf, unreadOf } from "../../src/store/counts";
import type { OutboxDb } from "../../src/store/outbox_db";
import { applyActivity, applyFrame, applyMembership, fromElement, type RoomState } from "../../src/store/room_state";
import { FakeSocket } from "../fake_socket";
import { created, element, frame, ME, membership, message, ROOM, room } from "../samples";

function start(lastSeq: number): RoomState {
  const messages = Array.from({ length: lastSeq }, (_, index) => message(index + 1));
  return fromElement(element(lastSeq, messages), undefined);
}

function told(state: RoomState, rev: number, change: Partial<RoomActivity> = {}): RoomState {
  return applyActivity(state, { rev, last_seq: rev, mentioned: false, sent_seq: null, ...change });
}

describe("a room that only signals are known of", () => {
  test("shows what is unread without moving its position", () => {
    const state = told(start(2), 7);
    expect([unreadOf(state), mentionsOf(state), state.position.rev, state.room.last_seq]).toEqual([5, 0, 2, 2]);
  });

  test("ignores a signal of what it has", () => {
    const state = start(3);
    expect(told(state, 3, { mentioned: true })).toBe(state);
  });

  test("keeps a mention until what happened is here", () => {
    const state = told(told(start(2), 4, { mentioned: true }), 9);
    expect(mentionsOf(state)).toBe(1);
    const mentions = { user_ids: [ME], room: false, here: false };
    const changes = { after_rev: 2, messages: [message(3), message(4, { mentions })], members: [], room: room({ rev: 9, last_seq: 4 }) };
    const [next] = applyFrame(state, frame("room.changes", 9, changes), ME);
    expect([next.activity, unreadOf(next), mentionsOf(next)]).toEqual([null, 2, 1]);
  });

  test("goes on knowing of more while events bring it up bit by bit", () => {
    const [next] = applyFrame(told(start(2), 5), created(3), ME);
    expect([unreadOf(next), next.position.rev]).toEqual([3, 3]);
  });

  test("is read up to one's own message from another device", () => {
    const state = told(told(start(2), 5, { mentioned: true }), 9, { sent_seq: 8 });
    expect([unreadOf(state), mentionsOf(state)]).toEqual([1, 0]);
    expect([unreadOf(told(state, 10)), mentionsOf(told(state, 10, { mentioned: true }))]).toEqual([2, 1]);
  });

  test("takes the server's counts when a read mark comes, and does not count twice", () => {
    const state = told(start(2), 9, { mentioned: true });
    const read = applyMembership(state, membership({ read_seq: 6, unread: 3, mentions: 1 }), 1);
    expect([unreadOf(read), mentionsOf(read)]).toEqual([3, 1]);
    expect(unreadOf(told(read, 11))).toBe(5);
  });

  test("counts no reaction as a message where the last message is not known", () => {
    expect(unreadOf(told(start(2), 9, { last_seq: null }))).toBe(0);
  });

  test("forgets signals of a history that is discarded", () => {
    const state = fromElement(element(1, [message(1)], { state: "reset" }), told(start(2), 90));
    expect([state.activity, unreadOf(state)]).toEqual([null, 0]);
  });
});

describe("what the server is told", () => {
  const noDisk: OutboxDb = { load: async () => [], put: async () => {}, remove: async () => {} };
  const token = `h.${btoa(JSON.stringify({ sub: ME, sid: "login" }))}.s`;
  let client: Client;
  const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
  const focused = (): unknown[] => FakeSocket.last.of("rooms.focus").map(({ d }) => d.room_ids);

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", FakeSocket);
    FakeSocket.opened = [];
    client = new Client(new ServerApi("http://test"), noDisk);
    client.account.userId.value = ME;
    client.api.session.adopt({ access_token: token, expires_in_s: 1e6, refresh_token: null });
  });

  afterEach(() => {
    client.api.socket.stop();
    client.api.session.forget();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  async function connect(): Promise<void> {
    client.api.socket.start();
    if (client.api.socket.state === "offline") client.connection.wake();
    await settle();
    FakeSocket.last.answer = (op) => (op === "sync" ? { rooms: [element(1, [message(1)])], left: [], next_cursor: null } : {});
    FakeSocket.last.ready(ME);
    await settle();
  }

  test("each connection says what is looked at before it syncs", async () => {
    client.focus.show([ROOM]);
    for (let times = 0; times < 2; times += 1) {
      await connect();
      const ops = FakeSocket.last.sent.map(({ op }) => op);
      expect(ops.indexOf("rooms.focus")).toBeLessThan(ops.indexOf("sync"));
      expect(focused()).toEqual([[ROOM]]);
      FakeSocket.last.cut();
      await settle();
    }
  });

  test("another room is told at once, the same one not again", async () => {
    await connect();
    client.focus.show([ROOM]);
    client.focus.show([ROOM]);
    client.focus.show([]);
    await settle();
    expect(focused()).toEqual([[], [ROOM], []]);
  });

  test("an older server that knows no focus goes on as ever", async () => {
    client.api.socket.start();
    await settle();
    const socket = FakeSocket.last;
    socket.answer = (op) => (op === "sync" ? { rooms: [], left: [], next_cursor: null } : op === "rooms.focus" ? undefined : {});
    socket.ready(ME);
    await settle();
    socket.refuse(socket.of("rooms.focus")[0]!.ref, "unknown_op");
    await settle();
    expect(client.api.socket.state).toBe("live");
  });

  test("a signal reaches its room, and a mention is said", async () => {
    await connect();
    FakeSocket.last.emit({ ev: "room.activity", room_id: ROOM, d: { rev: 4, last_seq: 3, mentioned: true, sent_seq: null } });
    expect(unreadOf(client.rooms.peek(ROOM)!)).toBe(2);
    expect(client.announcer.said.value.text).toBe("You were mentioned in general");
  });
});
