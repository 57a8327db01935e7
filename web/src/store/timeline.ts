// A room's main timeline: messages ascending by seq, without a hole between the first and the last. Pure.
import type { Message } from "../net/contract.gen";

export interface Timeline {
  readonly messages: readonly Message[];
  /** Older messages exist on the server. */
  readonly hasBefore: boolean;
}

export const EMPTY_TIMELINE: Timeline = { messages: [], hasBefore: false };

/** The index of that seq, or where it would stand. */
export function indexOfSeq(messages: readonly Message[], seq: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (messages[middle]!.seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The one rule for live events, `room.changes`, sync and replies: key by id (within a timeline, a seq is an id),
 * the larger rev wins. What lies before the loaded part is left out, or it would make a hole: paging brings it.
 * Returns the same object when nothing changed.
 */
export function upsert(timeline: Timeline, incoming: readonly Message[]): Timeline {
  let messages: Message[] | null = null;
  for (const message of incoming) {
    if (message.thread_id !== null) continue;
    const present: readonly Message[] = messages ?? timeline.messages;
    const index = indexOfSeq(present, message.seq);
    const held = present[index];
    if (held?.seq === message.seq) {
      if (held.rev >= message.rev) continue;
      messages ??= [...timeline.messages];
      messages[index] = message;
    } else {
      if (index === 0 && timeline.hasBefore) continue;
      messages ??= [...timeline.messages];
      messages.splice(index, 0, message);
    }
  }
  return messages ? { ...timeline, messages } : timeline;
}

/** Put an older page in front. Messages already held keep their larger rev. */
export function prepend(timeline: Timeline, page: readonly Message[], hasBefore: boolean): Timeline {
  const first = timeline.messages[0]?.seq ?? Number.MAX_SAFE_INTEGER;
  const older = page.filter((message) => message.seq < first && message.thread_id === null);
  const merged: Timeline = { messages: [...older, ...timeline.messages], hasBefore };
  return upsert(merged, page);
}

/** Let go of old messages of a room that nobody looks at. */
export function trim(timeline: Timeline, keep: number): Timeline {
  if (timeline.messages.length <= keep) return timeline;
  return { messages: timeline.messages.slice(-keep), hasBefore: true };
}

/** Let go of what the room keeps no longer. Nothing older than the rest is left on the server then. */
export function dropBefore(timeline: Timeline, firstSeq: number): Timeline {
  const index = indexOfSeq(timeline.messages, firstSeq);
  if (index > 0) return { messages: timeline.messages.slice(index), hasBefore: false };
  const isAtFirst = timeline.messages[0]?.seq === firstSeq && timeline.hasBefore;
  return isAtFirst ? { ...timeline, hasBefore: false } : timeline;
}
