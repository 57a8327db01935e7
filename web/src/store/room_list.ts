// How rooms are named, sorted and found in the list. Pure, but for the names of people.
import type { RoomState } from "./room_state";

export type NameOf = (userId: string) => string;

/** Everybody in a DM but oneself; empty for the notes to oneself. */
export function partnersOf(state: RoomState): string[] {
  return (state.room.user_ids ?? []).filter((id) => id !== state.membership.user_id);
}

export function isDm(state: RoomState): boolean {
  return state.room.user_ids !== null;
}

export function titleOf(state: RoomState, nameOf: NameOf): string {
  if (!isDm(state)) return state.room.name ?? "";
  const partners = partnersOf(state);
  return partners.length === 0 ? "Notes to self" : partners.map(nameOf).join(", ");
}

function activeAt(state: RoomState): string {
  return state.timeline.messages.at(-1)?.created_at ?? state.room.created_at;
}

/** Most recently active first. */
export function byActivity(a: RoomState, b: RoomState): number {
  return activeAt(a) < activeAt(b) ? 1 : activeAt(a) > activeAt(b) ? -1 : a.room.id < b.room.id ? -1 : 1;
}

/** Keep the order of `frozen` ids; what is not among them follows behind. */
export function inFrozenOrder(states: readonly RoomState[], frozen: readonly string[]): RoomState[] {
  const rank = new Map(frozen.map((id, index) => [id, index]));
  return [...states].sort((a, b) => (rank.get(a.room.id) ?? frozen.length) - (rank.get(b.room.id) ?? frozen.length));
}

export function matches(title: string, query: string): boolean {
  return title.toLocaleLowerCase().includes(query.trim().toLocaleLowerCase());
}
