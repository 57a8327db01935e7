import { describe, expect, test } from "vitest";
import type { Pending } from "../../src/store/pending";
import { buildRows, type MessageRow } from "../../src/store/rows";
import { HER, ME, message, ROOM } from "../samples";

const at = (minute: number, day = 15): string => new Date(2026, 0, day, 12, minute).toISOString();

function rowsOf(...args: Parameters<typeof buildRows>): MessageRow[] {
  return buildRows(...args).filter((row) => row.kind !== "start");
}

describe("the rows of a timeline", () => {
  test("messages of one author within five minutes stand under one head", () => {
    const messages = [message(1, { created_at: at(0) }), message(2, { created_at: at(4) }), message(3, { created_at: at(10) })];
    expect(rowsOf(messages, [], true, null, ME).map(({ isHead }) => isHead)).toEqual([true, false, true]);
  });

  test("another author begins another group", () => {
    const messages = [message(1, { created_at: at(0) }), message(2, { created_at: at(1), sender_id: ME })];
    expect(rowsOf(messages, [], true, null, ME).map(({ isHead }) => isHead)).toEqual([true, true]);
  });

  test("a new day is announced and begins a group", () => {
    const messages = [message(1, { created_at: at(0) }), message(2, { created_at: at(1, 16) })];
    expect(rowsOf(messages, [], true, null, ME).map(({ startsDay, isHead }) => [startsDay, isHead])).toEqual([[true, true], [true, true]]);
  });

  test("the new line stands once, above the first message of somebody else that was not read", () => {
    const messages = [message(1), message(2, { sender_id: ME }), message(3), message(4)];
    expect(rowsOf(messages, [], true, 1, ME).map(({ isFirstNew }) => isFirstNew)).toEqual([false, false, true, false]);
  });

  test("there is one row a message, so that paging back moves none below", () => {
    const later = [message(3, { created_at: at(3) }), message(4, { created_at: at(4) })];
    const before = rowsOf(later, [], true, null, ME);
    const after = rowsOf([message(1, { created_at: at(0) }), message(2, { created_at: at(1) }), ...later], [], true, null, ME);
    expect(after.slice(2).map(({ key }) => key)).toEqual(before.map(({ key }) => key));
  });

  test("one more message is one more row: those before are the same, unless something about them changes", () => {
    const messages = [message(1, { created_at: at(0) }), message(2, { created_at: at(1) })];
    const before = rowsOf(messages, [], true, null, ME);
    const after = rowsOf([...messages, message(3, { created_at: at(2) })], [], true, null, ME);
    expect(after[0]).toBe(before[0]);
    expect(after[1]).toBe(before[1]);
    const edited = rowsOf([messages[0]!, { ...messages[1]!, text: "edited" }], [], true, null, ME);
    expect(edited[1]!.message!.text).toBe("edited");
    const unread = rowsOf(messages, [], true, 1, ME);
    expect(unread.map(({ isFirstNew }) => isFirstNew)).toEqual([false, true]);
  });

  test("unsent messages come last, under the same key that they keep once stored", () => {
    const pending: Pending = { id: "p", user_id: ME, room_id: ROOM, text: "x", written_at: at(1), refusal: null, state: "sent" };
    const rows = rowsOf([message(1, { created_at: at(0), sender_id: HER })], [pending], false, null, ME);
    expect(rows.map(({ kind, key }) => [kind, key])).toEqual([["message", message(1).id], ["pending", "p"]]);
  });

  test("the beginning is shown only once paging has reached it", () => {
    expect(buildRows([message(1)], [], false, null, ME)[0]!.kind).toBe("start");
    expect(buildRows([message(1)], [], true, null, ME)[0]!.kind).toBe("message");
  });
});
