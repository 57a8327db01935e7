// What a screen reader is told of messages that arrive.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { User } from "../../src/net/contract.gen";
import { Announcer } from "../../src/store/announcer";
import { People } from "../../src/store/people";
import { fromElement, type RoomState } from "../../src/store/room_state";
import { fakeApi } from "../fake_api";
import { element, HER, ME, message, membership, room } from "../samples";

let announcer: Announcer;

beforeEach(() => {
  vi.useFakeTimers();
  const people = new People(fakeApi({}));
  people.take([{ id: HER, display_name: "Ada" }, { id: ME, display_name: "Bob" }] as User[]);
  announcer = new Announcer(people);
});

afterEach(() => {
  vi.useRealTimers();
});

function hear(text: string, state: RoomState, isOpen = true): string {
  announcer.onMessage(message(1, { text }), state, isOpen);
  vi.runAllTimers();
  return announcer.said.value.text;
}

const general = fromElement(element(1, []), undefined);

test("people are called by their names, not by the tokens of the protocol", () => {
  expect(hear(`<@${ME}> and <!here>, come`, general)).toBe("Ada: @Bob and @here, come");
});

test("the same words from the same person are said again", () => {
  hear("yes", general);
  const first = announcer.said.value;
  hear("yes", general);
  expect(announcer.said.value).toEqual({ text: first.text, count: first.count + 1 });
});

test("a burst is one sentence, which names a conversation by its people", () => {
  const withHer = fromElement(element(1, [], { room: room({ kind: "dm", name: null, user_ids: [ME, HER] }) }), undefined);
  announcer.onMessage(message(1), withHer, false);
  expect(hear("more", withHer, false)).toBe("2 new messages in Ada");
});

test("a muted room is silent until it is looked at", () => {
  const muted = fromElement(element(1, [], { membership: membership({ notify: "none" }) }), undefined);
  const mentionsMe = message(1, { mentions: { user_ids: [ME], room: false, here: false } });
  announcer.onMessage(mentionsMe, muted, false);
  vi.runAllTimers();
  announcer.onMention(muted);
  expect(announcer.said.value.text).toBe("");
  expect(hear("there you are", muted)).toBe("Ada: there you are");
});
