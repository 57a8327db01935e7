import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Api } from "../../src/net/api";
import { CommandError, disconnected } from "../../src/net/errors";
import { IndexedOutbox } from "../../src/store/outbox_db";
import { Outbox, type PendingState } from "../../src/store/pending";
import { ME, message, ROOM } from "../samples";

type Sent = { id: string; text: string; resolve: (ok: unknown) => void; reject: (error: Error) => void };

let sent: Sent[];
let api: Api;
let db: IndexedOutbox;

beforeEach(async () => {
  sent = [];
  api = {
    call: (_op: string, data: { id: string; text: string }) =>
      new Promise((resolve, reject) => sent.push({ id: data.id, text: data.text, resolve, reject })),
  } as unknown as Api;
  db = new IndexedOutbox();
  for (const draft of await db.load(ME)) await db.remove(draft.id);
});

async function openOutbox(): Promise<Outbox> {
  const outbox = new Outbox(api, db, () => 0);
  await outbox.open(ME);
  return outbox;
}

const states = (outbox: Outbox): PendingState[] => outbox.items.value.map(({ state }) => state);
const until = (check: () => unknown): Promise<unknown> => vi.waitFor(() => expect(check()).toBeTruthy(), { timeout: 3_000 });
const stored = (id: string) => ({ message: message(1, { id, sender_id: ME }), duplicate: false });

describe("the outbox", () => {
  test("shows a message in the same frame and sends it with an id of its own", async () => {
    const outbox = await openOutbox();
    outbox.add(ROOM, "hello");
    expect(outbox.items.value).toMatchObject([{ text: "hello", state: "sent" }]);
    expect(sent[0]!.id).toBe(outbox.items.value[0]!.id);
  });

  test("forgets a message once the server has stored it, and hands it on", async () => {
    const outbox = await openOutbox();
    const seen: string[] = [];
    outbox.onStored = ({ id }) => seen.push(id);
    outbox.add(ROOM, "hello");
    sent[0]!.resolve(stored(sent[0]!.id));
    await until(() => outbox.items.value.length === 0);
    expect(seen).toEqual([sent[0]!.id]);
    await vi.waitFor(async () => expect(await db.load(ME)).toEqual([]));
  });

  test("sends the messages of a room one after the other, in order", async () => {
    const outbox = await openOutbox();
    outbox.add(ROOM, "one");
    outbox.add(ROOM, "two");
    expect(sent.map(({ text }) => text)).toEqual(["one"]);
    sent[0]!.resolve(stored(sent[0]!.id));
    await until(() => sent.length === 2);
    expect(sent[1]!.text).toBe("two");
  });

  test("sends the same id again when the reply was lost, and takes the duplicate for an answer", async () => {
    const outbox = await openOutbox();
    outbox.add(ROOM, "hello");
    sent[0]!.reject(disconnected());
    await until(() => states(outbox)[0] === "unconfirmed");
    await until(() => {
      outbox.wake();
      return sent.length === 2;
    });
    expect(sent[1]!.id).toBe(sent[0]!.id);
    sent[1]!.resolve({ ...stored(sent[0]!.id), duplicate: true });
    await until(() => outbox.items.value.length === 0);
  });

  test("takes the event for an answer when the reply was lost", async () => {
    const outbox = await openOutbox();
    outbox.add(ROOM, "hello");
    sent[0]!.reject(disconnected());
    await until(() => states(outbox)[0] === "unconfirmed");
    outbox.confirm([message(1, { id: sent[0]!.id, sender_id: ME })]);
    outbox.wake();
    await until(() => outbox.items.value.length === 0);
    expect(sent).toHaveLength(1);
  });

  test("goes on after a reload with what was left, in the order of writing", async () => {
    const before = await openOutbox();
    before.add(ROOM, "one");
    before.add(ROOM, "two");
    await vi.waitFor(async () => expect(await db.load(ME)).toHaveLength(2));
    const ids = before.items.value.map(({ id }) => id);
    sent.length = 0;
    const after = await openOutbox();
    expect(after.items.value.map(({ text }) => text)).toEqual(["one", "two"]);
    expect(sent.map(({ id }) => id)).toEqual([ids[0]]);
  });

  test("leaves another user's messages alone", async () => {
    const mine = await openOutbox();
    mine.add(ROOM, "mine");
    await vi.waitFor(async () => expect(await db.load(ME)).toHaveLength(1));
    const hers = new Outbox(api, db);
    await hers.open("somebody else");
    expect(hers.items.value).toEqual([]);
  });

  test("stops at a refusal, keeps the text over a reload, and sends the next one all the same", async () => {
    const outbox = await openOutbox();
    outbox.add(ROOM, "no");
    outbox.add(ROOM, "yes");
    sent[0]!.reject(new CommandError("forbidden", "You may not."));
    await until(() => sent.length === 2);
    expect(outbox.items.value[0]).toMatchObject({ state: "failed", refusal: "You may not." });
    await vi.waitFor(async () => expect((await db.load(ME))[0]).toMatchObject({ refusal: "You may not." }));
    expect(states(await openOutbox())[0]).toBe("failed");
  });

  test("tries a refused message again when told to, with the same id", async () => {
    const outbox = await openOutbox();
    outbox.add(ROOM, "hello");
    sent[0]!.reject(new CommandError("forbidden", "You may not."));
    await until(() => states(outbox)[0] === "failed");
    await until(() => {
      outbox.retry(sent[0]!.id);
      return sent.length === 2;
    });
    expect(sent[1]!.id).toBe(sent[0]!.id);
  });

  test("waits as long as a limit says, then goes on by itself", async () => {
    const outbox = await openOutbox();
    outbox.add(ROOM, "hello");
    const seen: (PendingState | undefined)[] = [];
    outbox.items.subscribe(([item]) => seen.push(item?.state));
    sent[0]!.reject(new CommandError("rate_limited", "slow down", 30));
    await until(() => sent.length === 2);
    expect(seen).toEqual(["sent", "waiting", "sent"]);
  });

  test("gives up on a message that makes the server fail again and again", async () => {
    const outbox = await openOutbox();
    outbox.add(ROOM, "poison");
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await until(() => {
        outbox.wake();
        return sent.length === attempt;
      });
      sent[attempt - 1]!.reject(new CommandError("internal", "broken"));
    }
    await until(() => states(outbox)[0] === "failed");
  });

  test("says after five seconds that a message is not confirmed", async () => {
    const outbox = await openOutbox();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    outbox.add(ROOM, "hello");
    vi.advanceTimersByTime(4_999);
    expect(states(outbox)).toEqual(["sent"]);
    vi.advanceTimersByTime(1);
    expect(states(outbox)).toEqual(["unconfirmed"]);
    vi.useRealTimers();
  });

  test("leaves nothing behind after sign-out", async () => {
    const outbox = await openOutbox();
    outbox.add(ROOM, "secret");
    await outbox.close();
    expect(outbox.items.value).toEqual([]);
    await vi.waitFor(async () => expect(await db.load(ME)).toEqual([]));
  });
});
