// Turns messages into the rows of a timeline: days, groups of one author, the "new" line. Pure. Exactly one row per
// message, so that paging back leaves the rows below as they are; and the same row as before where nothing about it has
// changed, so that one more message is one more row to draw, also among ten thousand.
import type { Message } from "../net/contract.gen";
import type { Pending } from "./pending";

export interface MessageRow {
  readonly kind: "message" | "pending";
  readonly key: string;
  readonly message: Message | null;
  readonly pending: Pending | null;
  readonly senderId: string;
  readonly at: string;
  /** Shows author and time: the first of a group. */
  readonly isHead: boolean;
  /** A new day begins here. */
  readonly startsDay: boolean;
  /** The first message that is new to the reader. */
  readonly isFirstNew: boolean;
}

/** The beginning of the room, once paging has reached it. */
export interface StartRow {
  readonly kind: "start";
  readonly key: "start";
}

export type Row = MessageRow | StartRow;

const GROUP_MS = 5 * 60_000;

interface When {
  readonly ms: number;
  /** In the reader's time zone; the same number on the same day. */
  readonly day: number;
}

// Messages are never changed, only replaced: what was found out about one holds.
const whenByMessage = new WeakMap<Message, When>();
const rowByMessage = new WeakMap<Message, MessageRow>();

export function buildRows(
  messages: readonly Message[],
  pending: readonly Pending[],
  hasBefore: boolean,
  newAfterSeq: number | null,
  meId: string,
): Row[] {
  const rows: Row[] = hasBefore ? [] : [{ kind: "start", key: "start" }];
  let previous: { senderId: string; when: When } | null = null;
  let isNewDrawn = newAfterSeq === null;
  const place = (senderId: string, when: When, isFirstNew: boolean): Place => {
    const startsDay = previous === null || previous.when.day !== when.day;
    const isSameGroup = previous?.senderId === senderId && when.ms - previous.when.ms < GROUP_MS;
    previous = { senderId, when };
    return { isFirstNew, startsDay, isHead: startsDay || isFirstNew || !isSameGroup };
  };
  for (const message of messages) {
    const isFirstNew = !isNewDrawn && message.seq > newAfterSeq! && message.sender_id !== meId;
    if (isFirstNew) isNewDrawn = true;
    rows.push(rowOf(message, place(message.sender_id, whenOf(message), isFirstNew)));
  }
  for (const item of pending) {
    const at = item.written_at;
    const row = { kind: "pending", key: item.id, message: null, pending: item, senderId: meId, at } as const;
    rows.push({ ...row, ...place(meId, readTime(at), false) });
  }
  return rows;
}

type Place = Pick<MessageRow, "isFirstNew" | "startsDay" | "isHead">;

function rowOf(message: Message, place: Place): MessageRow {
  const held = rowByMessage.get(message);
  const { isFirstNew, startsDay, isHead } = place;
  if (held && held.isFirstNew === isFirstNew && held.startsDay === startsDay && held.isHead === isHead) return held;
  const { id, sender_id, created_at } = message;
  const row: MessageRow = { kind: "message", key: id, message, pending: null, senderId: sender_id, at: created_at, ...place };
  rowByMessage.set(message, row);
  return row;
}

function whenOf(message: Message): When {
  let when = whenByMessage.get(message);
  if (!when) whenByMessage.set(message, (when = readTime(message.created_at)));
  return when;
}

function readTime(at: string): When {
  const date = new Date(at);
  return { ms: date.getTime(), day: new Date(at).setHours(0, 0, 0, 0) };
}
