// Unsent text between this browser, the server and other devices.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Draft } from "../../src/net/contract.gen";
import { Drafts } from "../../src/store/drafts";
import { fakeApi, refusal } from "../fake_api";
import { ME, ROOM } from "../samples";

const draft = (text: string, minute: number, change: Partial<Draft> = {}): Draft => ({
  room_id: ROOM, thread_id: null, text, updated_at: `2026-01-31T12:0${minute}:00.000Z`, ...change,
});
const listed = (...drafts: Draft[]) => ({ drafts, next_cursor: null });

let api: ReturnType<typeof fakeApi>;
const sets = (): unknown[] => api.call.mock.calls.filter(([op]) => op === "drafts.set").map(([, data]) => (data as Draft).text);

async function open(answers: Record<string, unknown>): Promise<Drafts> {
  api = fakeApi(answers);
  const drafts = new Drafts(api);
  drafts.open(ME);
  await drafts.onLive();
  return drafts;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a draft", () => {
  test("is told to the server once the hand rests, not with each key", async () => {
    const drafts = await open({ "drafts.list": listed(), "drafts.set": draft("half", 1) });
    for (const text of ["h", "ha", "hal", "half"]) drafts.set(ROOM, text);
    expect(sets()).toEqual([]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(sets()).toEqual(["half"]);
  });

  test("that was written and sent in one go is never told of", async () => {
    const drafts = await open({ "drafts.list": listed() });
    drafts.set(ROOM, "hello");
    drafts.set(ROOM, "");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sets()).toEqual([]);
  });

  test("that was sent is taken from the server, too", async () => {
    const drafts = await open({ "drafts.list": listed(draft("half", 1)), "drafts.set": draft("", 2) });
    drafts.set(ROOM, "");
    drafts.flush();
    expect(sets()).toEqual([""]);
  });

  test("of another device stands here, and goes when it goes there", async () => {
    const drafts = await open({ "drafts.list": [listed(draft("there", 1)), listed()] });
    expect(drafts.get(ROOM)).toBe("there");
    drafts.take(draft("there, longer", 2));
    expect(drafts.get(ROOM)).toBe("there, longer");
    drafts.take(draft("overtaken", 1));
    drafts.take(draft("of a thread", 3, { thread_id: ROOM }));
    expect(drafts.get(ROOM)).toBe("there, longer");
    await drafts.onLive();
    expect(drafts.get(ROOM)).toBe("");
  });

  test("that is being written here is not replaced by one from elsewhere", async () => {
    const drafts = await open({ "drafts.list": listed(), "drafts.set": draft("mine", 3) });
    drafts.set(ROOM, "mine");
    drafts.take(draft("theirs", 2));
    expect(drafts.get(ROOM)).toBe("mine");
    drafts.flush();
    expect(sets()).toEqual(["mine"]);
  });

  test.each([["written", "half"], ["emptied", ""]])("that was %s offline is told after a reload", async (_, text) => {
    const before = await open({ "drafts.list": listed(draft("old", 1)) });
    before.onOffline();
    before.set(ROOM, text);
    const after = await open({ "drafts.list": listed(draft("old", 1)), "drafts.set": draft(text, 2) });
    expect(after.get(ROOM)).toBe(text);
    expect(sets()).toEqual([text]);
  });

  test("that the server will not have stays in this browser, and is not told again and again", async () => {
    const drafts = await open({ "drafts.list": listed(), "drafts.set": refusal("conflict") });
    drafts.set(ROOM, "one too many");
    await vi.advanceTimersByTimeAsync(10_000);
    drafts.flush();
    expect(sets()).toEqual(["one too many"]);
    expect(drafts.get(ROOM)).toBe("one too many");
  });

  test("leaves nothing on the machine when one signs out", async () => {
    const drafts = await open({ "drafts.list": listed(draft("half", 1)) });
    drafts.close();
    expect(localStorage.length).toBe(0);
  });
});
