// How much of a room is unread. Pure; used after every change of a room's state.
import type { Message } from "../net/contract.gen";
import type { RoomState } from "./room_state";
import { indexOfSeq } from "./timeline";

const MENTIONS_COUNTED_MAX = 100;

/** `<!here>` is shown, but calls nobody: who is here at that moment is no stored fact. */
export function mentionsUser(message: Message, userId: string): boolean {
  return message.mentions.room || message.mentions.user_ids.includes(userId);
}

/** How much is unread, together with what is only known to have been written. */
export function unreadOf({ room, membership, activity }: RoomState): number {
  const { read_seq, unread } = membership;
  if (!activity?.last_seq) return unread;
  const own = Math.max(0, room.last_seq - read_seq - unread);
  const readSeq = Math.max(read_seq, activity.sent_seq ?? 0);
  return Math.max(0, Math.max(activity.last_seq, room.last_seq) - readSeq - (readSeq === read_seq ? own : 0));
}

/** The same of mentions; of those that are only known of, one counts. */
export function mentionsOf({ membership, activity }: RoomState): number {
  const isRead = (activity?.sent_seq ?? 0) > membership.read_seq;
  return (isRead ? 0 : membership.mentions) + (activity?.mentioned ? 1 : 0);
}

/**
 * Derive `unread` and `mentions` from the read mark where the loaded messages reach down to it: events and read
 * marks overtake each other freely, and adding one to a number that already holds it would count it twice.
 * Elsewhere the numbers stay: the server's, moved by what was seen since.
 */
export function recount(state: RoomState): RoomState {
  const { membership, room, timeline, activity } = state;
  // Read beyond what is here, on another device: the server's numbers hold until that has come.
  if (activity && membership.read_seq > room.last_seq) return state;
  const above = Math.max(0, room.last_seq - membership.read_seq);
  const first = timeline.messages[0];
  const isCovered = above === 0 || (first !== undefined && first.seq <= membership.read_seq + 1);
  if (!isCovered) return state;
  const loaded = timeline.messages.slice(indexOfSeq(timeline.messages, membership.read_seq + 1));
  const foreign = loaded.filter((message) => message.sender_id !== membership.user_id);
  const unread = above === 0 ? 0 : foreign.length + Math.max(0, above - loaded.length);
  const mine = foreign.filter((message) => !message.deleted_at && mentionsUser(message, membership.user_id));
  const mentions = above === 0 ? 0 : Math.min(MENTIONS_COUNTED_MAX, mine.length);
  if (membership.unread === unread && membership.mentions === mentions) return state;
  return { ...state, membership: { ...membership, unread, mentions } };
}
