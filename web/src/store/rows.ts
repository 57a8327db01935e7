// Turns messages into the rows of a timeline: days, groups of one author, the "new" line. Pure. Exactly one row per
// message, so that paging back leaves the rows below as they are.
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

export function buildRows(
  messages: readonly Message[],
  pending: readonly Pending[],
  hasBefore: boolean,
  newAfterSeq: number | null,
  meId: string,
): Row[] {
  const rows: Row[] = hasBefore ? [] : [{ kind: "start", key: "start" }];
  let previous: MessageRow | null = null;
  let isNewDrawn = newAfterSeq === null;
  const push = (row: Pick<MessageRow, "kind" | "key" | "message" | "pending" | "senderId" | "at">): void => {
    const { message } = row;
    const isFirstNew = !isNewDrawn && message !== null && message.seq > newAfterSeq! && row.senderId !== meId;
    if (isFirstNew) isNewDrawn = true;
    const startsDay = previous === null || !isSameDay(previous.at, row.at);
    const isHead = startsDay || isFirstNew || !isSameGroup(previous!, row);
    previous = { ...row, isFirstNew, startsDay, isHead };
    rows.push(previous);
  };
  for (const message of messages) {
    const { id, sender_id, created_at } = message;
    push({ kind: "message", key: id, message, pending: null, senderId: sender_id, at: created_at });
  }
  for (const item of pending) {
    push({ kind: "pending", key: item.id, message: null, pending: item, senderId: meId, at: item.written_at });
  }
  return rows;
}

function isSameGroup(previous: MessageRow, row: Pick<MessageRow, "senderId" | "at">): boolean {
  return previous.senderId === row.senderId && Date.parse(row.at) - Date.parse(previous.at) < GROUP_MS;
}

/** In the reader's time zone. */
export function isSameDay(a: string, b: string): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}
