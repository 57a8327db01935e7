import { describe, expect, test } from "vitest";
import { applyFrame, applyMembership, fromElement, type RoomState } from "../../src/store/room_state";
import { prepend, trim, upsert } from "../../src/store/timeline";
import { created, element, frame, HER, ME, member, membership, message, messageId, room } from "../samples";

function start(rev: number, messages = [message(1), message(2)]): RoomState {
  return fromElement(element(rev, messages), undefined);
}

function apply(state: RoomState, ...frames: Parameters<typeof applyFrame>[1][]): RoomState {
  return frames.reduce((held, next) => applyFrame(held, next, ME)[0], state);
}

const seqs = (state: RoomState): number[] => state.timeline.messages.map(({ seq }) => seq);

describe("events of a room", () => {
  test("the next rev is applied and moves the position", () => {
    const [state, verdict] = applyFrame(start(2), created(3), ME);
    expect(verdict).toBe("applied");
    expect(seqs(state)).toEqual([1, 2, 3]);
    expect(state.position).toEqual({ epoch: 1, rev: 3 });
    expect(state.room.last_seq).toBe(3);
  });

  test("an event seen before is dropped", () => {
    const once = apply(start(2), created(3));
    expect(applyFrame(once, created(3), ME)).toEqual([once, "dropped"]);
  });

  test("an event past a gap asks for a reload and changes nothing", () => {
    const state = start(2);
    expect(applyFrame(state, created(5), ME)).toEqual([state, "reload"]);
  });

  test("a lower epoch is dropped, a higher one asks for a reload", () => {
    const state = start(2);
    expect(applyFrame(state, { ...created(3), epoch: 0 }, ME)[1]).toBe("dropped");
    expect(applyFrame(state, { ...created(3), epoch: 2 }, ME)[1]).toBe("reload");
  });

  test("an unknown event counts its rev and touches nothing else", () => {
    const [state, verdict] = applyFrame(start(2), frame("message.sparkled", 3, { any: 1 }), ME);
    expect(verdict).toBe("applied");
    expect(state.position.rev).toBe(3);
    expect(seqs(apply(state, created(3, 4)))).toEqual([1, 2, 3]);
  });

  test("the larger rev of a message wins, whichever way it came", () => {
    const edited = message(2, { rev: 4, text: "edited" });
    const state = apply(start(2), created(3), frame("message.updated", 4, edited));
    expect(state.timeline.messages[1]!.text).toBe("edited");
    expect(upsert(state.timeline, [message(2)])).toBe(state.timeline);
  });

  test("a deleted message keeps its place", () => {
    const gone = message(1, { rev: 3, text: "", deleted_at: "2026-01-31T12:00:01.000Z" });
    expect(seqs(apply(start(2), frame("message.deleted", 3, gone)))).toEqual([1, 2]);
  });

  test("a reply in a thread is not shown in the main timeline but takes its rev", () => {
    const reply = message(1, { rev: 3, thread_id: messageId(1), id: messageId(99) });
    const state = apply(start(2), frame("message.created", 3, reply));
    expect(seqs(state)).toEqual([1, 2]);
    expect(state.position.rev).toBe(3);
    expect(state.membership.unread).toBe(0);
  });

  test("room.changes brings all that changed and ends the gap", () => {
    const changes = {
      after_rev: 2,
      messages: [message(1, { rev: 5, text: "edited" }), message(3, { rev: 4 })],
      members: [],
      room: room({ rev: 6, last_seq: 3, topic: "new topic" }),
    };
    const state = apply(start(2), frame("room.changes", 6, changes));
    expect(state.timeline.messages.map(({ text }) => text)).toEqual(["edited", "text 2", "text 3"]);
    expect(state.room.topic).toBe("new topic");
    expect(state.position.rev).toBe(6);
  });

  test("room.changes that begins below our position is welcome, above it is a gap", () => {
    const changes = (after_rev: number) => ({ after_rev, messages: [message(3, { rev: 3 })], members: [], room: room({ last_seq: 3 }) });
    expect(applyFrame(start(2), frame("room.changes", 3, changes(0)), ME)[1]).toBe("applied");
    expect(applyFrame(start(2), frame("room.changes", 9, changes(5)), ME)[1]).toBe("reload");
  });

  test("members are counted as they come and go, and listed once somebody asked", () => {
    const plain = apply(start(2), frame("member.joined", 3, member(HER, 3)));
    expect(plain.room.member_count).toBe(3);
    expect(plain.members).toBeNull();
    const listed = apply(
      { ...start(2), members: new Map([[ME, member(ME, 1)]]) },
      frame("member.joined", 3, member(HER, 3)),
      frame("member.left", 4, member(ME, 4, { left_at: "2026-01-31T12:00:00.000Z" })),
    );
    expect([...listed.members!.keys()]).toEqual([HER]);
    expect(listed.room.member_count).toBe(2);
  });
});

describe("sync elements", () => {
  test("caught_up adds what changed to what was held", () => {
    const changed = element(4, [message(1, { rev: 4, text: "edited" }), message(3, { rev: 3 })], { state: "caught_up" });
    const state = fromElement(changed, start(2));
    expect(state.timeline.messages.map(({ text }) => text)).toEqual(["edited", "text 2", "text 3"]);
  });

  test("an answer overtaken by events does not step back", () => {
    const ahead = apply(start(2), created(3), created(4));
    const state = fromElement(element(3, [message(3)], { state: "caught_up" }), ahead);
    expect(state.position.rev).toBe(4);
    expect(state.room.last_seq).toBe(4);
    expect(seqs(state)).toEqual([1, 2, 3, 4]);
  });

  test("what the room keeps no longer is let go, by an event and by sync alike", () => {
    const shorter = room({ rev: 3, first_seq: 2, last_seq: 2 });
    const live = apply(start(2), frame("room.updated", 3, shorter));
    expect(seqs(live)).toEqual([2]);
    expect(live.timeline.hasBefore).toBe(false);
    const back = fromElement(element(3, [], { state: "caught_up", room: shorter }), start(2));
    expect(seqs(back)).toEqual([2]);
    expect(seqs(apply(live, frame("room.updated", 4, room({ first_seq: 3, last_seq: 2 }))))).toEqual([]);
  });

  test("another epoch lets smaller numbers of the user's timeline count again", () => {
    const marked = applyMembership(start(2), membership({ read_seq: 1 }), 40);
    const restored = element(2, [message(1), message(2)], { state: "reset", position: { epoch: 2, rev: 2 } });
    expect(applyMembership(fromElement(restored, marked), membership({ read_seq: 2 }), 7).membership.read_seq).toBe(2);
  });

  test("reset discards what was held, also when the room has gone back", () => {
    const state = fromElement(element(1, [message(1)], { state: "reset" }), apply(start(2), created(3)));
    expect(seqs(state)).toEqual([1]);
    expect(state.position.rev).toBe(1);
  });

  test("a change to a message before the loaded part leaves no hole", () => {
    const newest = fromElement(element(60, [message(40), message(41)]), undefined);
    expect(newest.timeline.hasBefore).toBe(true);
    const state = fromElement(element(61, [message(3, { rev: 61 })], { state: "caught_up" }), newest);
    expect(seqs(state)).toEqual([40, 41]);
  });
});

describe("paging", () => {
  test("an older page goes in front, without doubles", () => {
    const held = { messages: [message(3, { rev: 9, text: "edited" })], hasBefore: true };
    const paged = prepend(held, [message(1), message(2), message(3)], false);
    expect(paged.messages.map(({ text }) => text)).toEqual(["text 1", "text 2", "edited"]);
    expect(paged.hasBefore).toBe(false);
  });

  test("a trimmed timeline knows that there is more before it", () => {
    expect(trim({ messages: [message(1), message(2), message(3)], hasBefore: false }, 2)).toEqual({
      messages: [message(2), message(3)],
      hasBefore: true,
    });
  });
});

describe("unread", () => {
  const unread = (state: RoomState): [number, number] => [state.membership.unread, state.membership.mentions];
  const forMe = { mentions: { user_ids: [ME], room: false, here: false } };

  test("counts what others write, and mentions", () => {
    expect(unread(apply(start(2), created(3), created(4, 4, forMe)))).toEqual([2, 1]);
  });

  test("a call to the room counts as a mention, a call to whoever is here does not", () => {
    const call = (room: boolean) => ({ mentions: { user_ids: [], room, here: !room } });
    expect(unread(apply(start(2), created(3, 3, call(true)), created(4, 4, call(false))))).toEqual([2, 1]);
    const far = element(100, [message(90)], { membership: membership({ read_seq: 10, unread: 70, mentions: 4 }) });
    expect(unread(apply(fromElement(far, undefined), created(91, 101, call(false))))).toEqual([71, 4]);
  });

  test("one's own message marks read up to itself, from whatever device", () => {
    const state = apply(start(2), created(3), created(4, 4, { sender_id: ME }));
    expect(unread(state)).toEqual([0, 0]);
    expect(state.membership.read_seq).toBe(4);
  });

  test("a read mark that overtakes its message counts nothing twice", () => {
    const marked = applyMembership(start(2), membership({ read_seq: 2, unread: 1 }), 7);
    expect(unread(apply(marked, created(3)))).toEqual([1, 0]);
    const ahead = applyMembership(start(2), membership({ read_seq: 3, unread: 0 }), 8);
    expect(unread(apply(ahead, created(3)))).toEqual([0, 0]);
  });

  test("an older read.updated does not undo a newer one", () => {
    const read = applyMembership(apply(start(2), created(3)), membership({ read_seq: 3 }), 9);
    expect(applyMembership(read, membership({ read_seq: 2, unread: 1 }), 8)).toBe(read);
  });

  test("a mark far below the loaded part keeps the server's number and adds to it", () => {
    const far = element(100, [message(90), message(91)], { membership: membership({ read_seq: 10, unread: 70, mentions: 4 }) });
    const state = apply(fromElement(far, undefined), created(92, 101, forMe));
    expect(unread(state)).toEqual([71, 5]);
  });

  test("setting a room unread shows exactly what lies above the mark", () => {
    expect(unread(applyMembership(start(2), membership({ read_seq: 1, unread: 1 }), 3))).toEqual([1, 0]);
  });
});
