// Shapes of the protocol for tests, complete and short to write.
import type { Member, Membership, Message, Room, RoomSettings, SyncElement } from "../src/net/contract.gen";
import type { Frame } from "../src/net/frames";

export const ME = "00000000-0000-7000-8000-00000000000a";
export const HER = "00000000-0000-7000-8000-00000000000b";
export const ROOM = "00000000-0000-7000-8000-000000000001";
const AT = "2026-01-31T12:00:00.000Z";
const SETTINGS: RoomSettings = {
  slow_mode_s: 0, retention_days: null, who_may_post: "everybody", who_may_mention_room: "everybody",
  who_may_pin: "everybody", who_may_invite: null,
};

export function messageId(seq: number): string {
  return `00000000-0000-7000-9000-${String(seq).padStart(12, "0")}`;
}

export function message(seq: number, change: Partial<Message> = {}): Message {
  return {
    id: messageId(seq), room_id: ROOM, seq, rev: seq, thread_id: null, reply_to: null, sender_id: HER,
    kind: "text", text: `text ${seq}`, content: null, mentions: { user_ids: [], room: false, here: false },
    files: [], reactions: [], reply_count: 0, last_reply_at: null, pinned_at: null,
    created_at: AT, edited_at: null, deleted_at: null, ...change,
  };
}

export function room(change: Partial<Room> = {}): Room {
  return {
    id: ROOM, kind: "public", name: "general", topic: "", user_ids: null, created_by: HER, created_at: AT,
    archived_at: null, epoch: 1, rev: 0, first_seq: 1, last_seq: 0, member_count: 2, settings: SETTINGS, ...change,
  };
}

export function membership(change: Partial<Membership> = {}): Membership {
  return {
    room_id: ROOM, user_id: ME, role: "member", joined_at: AT, read_seq: 0, unread: 0, mentions: 0,
    notify: "all", ...change,
  };
}

export function member(userId: string, rev: number, change: Partial<Member> = {}): Member {
  return { room_id: ROOM, user_id: userId, role: "member", joined_at: AT, left_at: null, rev, ...change };
}

/** A sync element whose room stands at `rev`, with those messages, all of them read unless said otherwise. */
export function element(rev: number, messages: Message[], change: Partial<SyncElement> = {}): SyncElement {
  const last_seq = messages.at(-1)?.seq ?? 0;
  return {
    room: room({ rev, last_seq, ...change.room }),
    membership: membership({ read_seq: last_seq, ...change.membership }),
    position: { epoch: 1, rev },
    state: "new",
    messages,
    members: [],
    ...("state" in change ? { state: change.state! } : {}),
    ...("position" in change ? { position: change.position! } : {}),
    ...("members" in change ? { members: change.members! } : {}),
  };
}

export function frame(ev: string, rev: number, d: unknown, change: Partial<Frame> = {}): Frame {
  return { ev, room_id: ROOM, epoch: 1, rev, d, ...change } as unknown as Frame;
}

export function created(seq: number, rev: number = seq, change: Partial<Message> = {}): Frame {
  return frame("message.created", rev, message(seq, { rev, ...change }));
}
