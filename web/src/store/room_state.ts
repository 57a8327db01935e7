// What this client knows of one room, and how frames change it. Pure: the law is
// old state + changes + events = fresh snapshot. Used by rooms.ts.
import type { Member, Membership, Message, Position, Room, RoomActivity, SyncElement } from "../net/contract.gen";
import type { Frame } from "../net/frames";
import { mentionsUser, recount } from "./counts";
import { dropBefore, upsert, type Timeline } from "./timeline";

export interface RoomState {
  readonly room: Room;
  readonly membership: Membership;
  readonly position: Position;
  readonly timeline: Timeline;
  /** Present members, once somebody asked for them. */
  readonly members: ReadonlyMap<string, Member> | null;
  /** What is known to have happened beyond `position`, while a crowded room was out of sight. */
  readonly activity: RoomActivity | null;
  /** Of the last `read.updated`: an earlier one must not undo it. */
  readonly userRev: number;
}

export type Verdict = "applied" | "dropped" | "reload";

/** Take one element of `sync` or `room.added`. */
export function fromElement(element: SyncElement, held: RoomState | undefined): RoomState {
  if (!held || element.state === "reset" || element.state === "new") return startFrom(element, held);
  // Events may have overtaken the answer: never step back within an epoch.
  const isBehind = element.position.epoch === held.position.epoch && element.position.rev < held.position.rev;
  const next: RoomState = {
    ...held,
    room: isBehind ? held.room : element.room,
    position: isBehind ? held.position : element.position,
    membership: element.membership,
    timeline: upsert(held.timeline, element.messages),
    members: upsertMembers(held.members, element.members),
  };
  return dropActivity(isBehind ? recount(keepFrom(next)) : keepFrom(next));
}

function startFrom(element: SyncElement, held: RoomState | undefined): RoomState {
  const messages = element.messages.filter((message) => message.thread_id === null);
  const first = messages[0];
  return {
    room: element.room,
    membership: element.membership,
    position: element.position,
    timeline: { messages, hasBefore: first !== undefined && first.seq > Math.max(1, element.room.first_seq) },
    members: null,
    activity: null,
    // Another epoch may count anew from an earlier number: a larger one of before would silence it.
    userRev: held?.position.epoch === element.position.epoch ? held.userRev : 0,
  };
}

/** Apply one numbered frame of the room. `reload` means: ask for this room anew. */
export function applyFrame(state: RoomState, frame: Frame, meId: string): [RoomState, Verdict] {
  const { epoch, rev } = state.position;
  if (frame.epoch < epoch) return [state, "dropped"];
  if (frame.epoch > epoch) return [state, "reload"];
  if (frame.rev <= rev) return [state, "dropped"];
  const follows = frame.ev === "room.changes" ? frame.d.after_rev <= rev : frame.rev === rev + 1;
  // The server never delivers past a gap; should it happen all the same, a reload is always right.
  if (!follows) return [state, "reload"];
  const next = fold(state, frame, meId);
  const position = { epoch, rev: frame.rev };
  return [dropActivity(recount({ ...next, position, room: { ...next.room, epoch, rev: frame.rev } })), "applied"];
}

/** Take the news that something happened. It moves no position: what happened comes with the focus. */
export function applyActivity(state: RoomState, news: RoomActivity): RoomState {
  if (news.rev <= state.position.rev) return state;
  const held = state.activity;
  const activity = {
    rev: news.rev,
    last_seq: news.last_seq ?? held?.last_seq ?? null,
    // Sending marks read up to one's own message, and what mentioned one before it.
    sent_seq: news.sent_seq ?? held?.sent_seq ?? null,
    mentioned: news.mentioned || (news.sent_seq === null && held?.mentioned === true),
  };
  return { ...state, activity };
}

function dropActivity(state: RoomState): RoomState {
  return state.activity && state.activity.rev <= state.position.rev ? { ...state, activity: null } : state;
}

function fold(state: RoomState, frame: Frame, meId: string): RoomState {
  switch (frame.ev) {
    case "message.created":
      return addMessages(state, [frame.d], meId);
    case "message.updated":
    case "message.deleted":
    case "message.pinned":
    case "message.unpinned":
      return { ...state, timeline: upsert(state.timeline, [frame.d]) };
    case "reaction.added":
    case "reaction.removed":
      return { ...state, timeline: upsert(state.timeline, [frame.d.message]) };
    case "member.joined":
    case "member.left":
    case "member.updated":
      return foldMember(state, frame.d, frame.ev);
    case "room.updated":
    case "room.archived":
      return keepFrom({ ...state, room: frame.d });
    case "room.changes":
      return keepFrom({
        ...addMessages(state, frame.d.messages, meId),
        room: frame.d.room,
        members: upsertMembers(state.members, frame.d.members),
      });
    default:
      // An event of a newer server: its rev counts, its content does not concern us.
      return state;
  }
}

/** Let go of what the room keeps no longer: its timeline begins with `first_seq`. */
function keepFrom(state: RoomState): RoomState {
  const timeline = dropBefore(state.timeline, state.room.first_seq);
  return timeline === state.timeline ? state : { ...state, timeline };
}

function addMessages(state: RoomState, incoming: readonly Message[], meId: string): RoomState {
  let { last_seq } = state.room;
  let { read_seq, unread, mentions } = state.membership;
  for (const message of incoming) {
    if (message.thread_id !== null || message.seq <= last_seq) continue;
    last_seq = message.seq;
    // Sending marks read up to one's own message.
    if (message.sender_id === meId) {
      read_seq = Math.max(read_seq, message.seq);
      unread = mentions = 0;
    } else {
      unread += 1;
      if (mentionsUser(message, meId)) mentions += 1;
    }
  }
  return {
    ...state,
    room: { ...state.room, last_seq },
    membership: { ...state.membership, read_seq, unread, mentions },
    timeline: upsert(state.timeline, incoming),
  };
}

function foldMember(state: RoomState, member: Member, ev: string): RoomState {
  const step = ev === "member.joined" ? 1 : ev === "member.left" ? -1 : 0;
  const isMine = member.user_id === state.membership.user_id;
  return {
    ...state,
    room: { ...state.room, member_count: state.room.member_count + step },
    membership: isMine ? { ...state.membership, role: member.role } : state.membership,
    members: upsertMembers(state.members, [member]),
  };
}

export function upsertMembers(
  held: ReadonlyMap<string, Member> | null,
  incoming: readonly Member[],
): ReadonlyMap<string, Member> | null {
  if (!held || incoming.length === 0) return held;
  const members = new Map(held);
  for (const member of incoming) {
    const present = members.get(member.user_id);
    if (present && present.rev > member.rev) continue;
    if (member.left_at === null) members.set(member.user_id, member);
    else members.delete(member.user_id);
  }
  return members;
}

/** Take the read mark from another device, or the answer to our own. */
export function applyMembership(state: RoomState, membership: Membership, userRev: number | null): RoomState {
  if (userRev !== null && userRev < state.userRev) return state;
  // The server has counted all mentions, also those of messages that are not here yet.
  const activity = state.activity && { ...state.activity, mentioned: false };
  return recount({ ...state, membership, activity, userRev: userRev ?? state.userRev });
}
