// The law: old state + changes + events = fresh snapshot, over any schedule of cuts.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ServerApi } from "../../src/net/api";
import { Client } from "../../src/store/client";
import type { OutboxDb } from "../../src/store/outbox_db";
import { FakeServer } from "../fake_server";
import { FakeSocket } from "../fake_socket";
import { HER, ME, messageId, ROOM } from "../samples";

const noDisk: OutboxDb = { load: async () => [], put: async () => {}, remove: async () => {} };
const token = `h.${btoa(JSON.stringify({ sub: ME, sid: "login" }))}.s`;

/** mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

let client: Client;
let server: FakeServer;
let deliveredRev = 0;

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.opened = [];
  server = new FakeServer();
  client = new Client(new ServerApi("http://test"), noDisk);
  client.account.userId.value = ME;
  void client.outbox.open(ME);
  client.api.session.adopt({ access_token: token, expires_in_s: 1e6, refresh_token: null });
});

afterEach(() => {
  client.api.socket.stop();
  client.api.session.forget();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A connection as the server sees it: snapshot first, then the stream from its position on. */
async function connect(eventsDuringSync: () => void = () => {}): Promise<void> {
  client.api.socket.start();
  if (client.api.socket.state === "offline") client.connection.wake();
  await settle();
  const socket = FakeSocket.last;
  socket.answer = (op, d) => {
    if (op === "messages.send") return server.post(ME, d.id as string);
    if (op !== "sync") return {};
    const held = (d.rooms as Record<string, { epoch: number; rev: number }>)[ROOM];
    const element = server.snapshot(held);
    deliveredRev = element.position.rev;
    return { rooms: [element], left: [], next_cursor: null };
  };
  socket.ready(ME);
  eventsDuringSync();
  await settle();
  expect(client.api.socket.state).toBe("live");
}

function expectSameAsSnapshot(): void {
  const fresh = server.snapshot();
  const held = client.rooms.peek(ROOM)!;
  const newest = (count: number) => [...server.messages.values()].slice(-count);
  expect(held.timeline.messages).toEqual(newest(held.timeline.messages.length));
  expect(held.timeline.messages.length).toBeGreaterThanOrEqual(Math.min(30, server.messages.size));
  expect(held.position).toEqual(fresh.position);
  expect(held.room).toEqual(fresh.room);
  expect({ ...held.membership, mentions: 0 }).toEqual(fresh.membership);
}

describe("the law", () => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed))("holds over a random schedule of sends, cuts and folds (seed %i)", async (seed) => {
    const random = randomOf(seed);
    const upTo = (limit: number): number => Math.floor(random() * limit);
    const mutations = [
      () => server.post(HER),
      () => server.post(HER),
      () => server.change(upTo(server.messages.size), false),
      () => server.change(upTo(server.messages.size), true),
      () => server.toggleMember(),
      () => server.expire(upTo(3)),
      () => client.outbox.add(ROOM, `mine ${random()}`),
    ];
    for (let index = 0; index < upTo(50); index += 1) server.post(HER);
    await connect();
    for (let step = 0; step < 80; step += 1) {
      mutations[upTo(mutations.length)]!();
      await settle();
      const choice = random();
      if (choice < 0.45) {
        const toRev = Math.min(server.rev, deliveredRev + 1 + upTo(4));
        server.deliver(FakeSocket.last, deliveredRev, toRev, random() < 0.3);
        // At least once: now and then the same again.
        if (random() < 0.2) server.deliver(FakeSocket.last, Math.max(0, deliveredRev - 2), toRev, false);
        deliveredRev = Math.max(deliveredRev, toRev);
      } else if (choice < 0.55) {
        FakeSocket.last.cut();
        await settle();
        for (let missed = upTo(60); missed > 0; missed -= 1) mutations[upTo(6)]!();
        if (random() < 0.15) server.epoch += 1;
        await connect();
      }
    }
    await settle();
    server.deliver(FakeSocket.last, deliveredRev, server.rev, random() < 0.5);
    await settle();
    expect(client.outbox.items.value).toEqual([]);
    expectSameAsSnapshot();
  });

  test("a reply lost with its connection leaves one message, not two", async () => {
    await connect();
    FakeSocket.last.answer = (op, d) => void (op === "messages.send" && server.post(ME, d.id as string));
    client.outbox.add(ROOM, "once");
    await settle();
    FakeSocket.last.cut();
    await connect();
    expect(client.outbox.items.value).toEqual([]);
    expect(server.messages.size).toBe(1);
    expectSameAsSnapshot();
  });

  test("an event that comes before the sync reply is not lost, nor counted twice", async () => {
    await connect();
    server.post(HER);
    FakeSocket.last.cut();
    await settle();
    await connect(() => server.deliver(FakeSocket.last, 0, 1, false));
    expect(client.rooms.peek(ROOM)!.timeline.messages.map(({ id }) => id)).toEqual([messageId(1)]);
    expect(client.rooms.peek(ROOM)!.membership.unread).toBe(1);
  });

  test("room.reset reloads the room whole", async () => {
    server.post(HER);
    await connect();
    server.epoch = 2;
    FakeSocket.last.emit({ ev: "room.reset", user_rev: 1, d: { room_id: ROOM } });
    await settle();
    expect(FakeSocket.last.of("sync").at(-1)!.d).toMatchObject({ only: true, rooms: { [ROOM]: { epoch: 0, rev: 0 } } });
    expect(client.rooms.peek(ROOM)!.position.epoch).toBe(2);
  });

  test("an event of a higher epoch reloads the room, one of a lower is dropped", async () => {
    server.post(HER);
    await connect();
    server.epoch = 2;
    server.post(HER);
    server.deliver(FakeSocket.last, 1, 2, false);
    await settle();
    expectSameAsSnapshot();
    FakeSocket.last.emit({ ev: "message.created", room_id: ROOM, epoch: 1, rev: 3, d: {} });
    expect(client.rooms.peek(ROOM)!.position.rev).toBe(2);
  });

  test("a read mark that arrives while the snapshot is on its way survives it", async () => {
    server.post(HER);
    await connect();
    FakeSocket.last.cut();
    await settle();
    const readUpTo1 = { ...server.snapshot().membership, read_seq: 1, unread: 0 };
    await connect(() => FakeSocket.last.emit({ ev: "read.updated", user_rev: 5, d: readUpTo1 }));
    expect(client.rooms.peek(ROOM)!.membership).toMatchObject({ read_seq: 1, unread: 0 });
  });

  test("room.removed forgets the room, room.added brings one", async () => {
    server.post(HER);
    await connect();
    FakeSocket.last.emit({ ev: "room.removed", user_rev: 1, d: { room_id: ROOM, reason: "removed" } });
    expect(client.rooms.ids.value).toEqual([]);
    FakeSocket.last.emit({ ev: "room.added", user_rev: 2, d: server.snapshot() });
    expect(client.rooms.ids.value).toEqual([ROOM]);
    server.post(HER);
    server.deliver(FakeSocket.last, 1, 2, false);
    expectSameAsSnapshot();
  });

  test("rooms that were left while away are named by sync, and go", async () => {
    await connect();
    FakeSocket.last.cut();
    await settle();
    client.connection.wake();
    await settle();
    FakeSocket.last.answer = (op) => (op === "sync" ? { rooms: [], left: [ROOM], next_cursor: null } : {});
    FakeSocket.last.ready(ME);
    await settle();
    expect(client.rooms.ids.value).toEqual([]);
  });

  test("a sync of several pages repeats the same positions with the cursor", async () => {
    await connect();
    FakeSocket.last.cut();
    await settle();
    client.connection.wake();
    await settle();
    FakeSocket.last.answer = (op, d) =>
      op === "sync" ? { rooms: [], left: [], next_cursor: d.cursor === undefined ? "next" : null } : {};
    FakeSocket.last.ready(ME);
    await settle();
    const [first, second] = FakeSocket.last.of("sync").map(({ d }) => d);
    expect(second).toEqual({ ...first, cursor: "next" });
  });
});
