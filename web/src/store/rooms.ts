// All rooms of the user, one signal each, so that an event repaints one room. Takes frames and sync elements;
// asks nobody for anything.
import { computed, signal, type Signal } from "@preact/signals";
import type { Member, Membership, Message, Messages, RoomActivity, SyncElement } from "../net/contract.gen";
import type { Frame } from "../net/frames";
import { applyActivity, applyFrame, applyMembership, fromElement, upsertMembers, type RoomState, type Verdict } from "./room_state";
import { prepend, trim, upsert } from "./timeline";

const KEPT_WHEN_LEFT = 100;

export class Rooms {
  readonly #byId = new Map<string, Signal<RoomState>>();
  readonly #ids = signal<readonly string[]>([]);
  /** Every stored message, from wherever it came: the outbox and the announcer listen. */
  onMessages: (roomId: string, messages: readonly Message[], isLive: boolean) => void = () => {};

  /** All states. Reading it follows every room. */
  readonly all = computed(() => this.#ids.value.map((id) => this.#byId.get(id)!.value));
  readonly ids = computed(() => this.#ids.value);

  /** Follows that room, and whether it is there at all. */
  find(roomId: string | null): RoomState | undefined {
    void this.#ids.value;
    return roomId === null ? undefined : this.#byId.get(roomId)?.value;
  }

  /** The same without following anything. */
  peek(roomId: string): RoomState | undefined {
    return this.#byId.get(roomId)?.peek();
  }

  positions(): Record<string, { epoch: number; rev: number }> {
    return Object.fromEntries([...this.#byId].map(([id, state]) => [id, state.peek().position]));
  }

  takeElement(element: SyncElement): void {
    const id = element.room.id;
    this.#put(id, fromElement(element, this.peek(id)));
    this.onMessages(id, element.messages, false);
  }

  /** Returns null for a room that is not ours (any more). */
  takeFrame(frame: Frame, meId: string): Verdict | null {
    const held = this.peek(frame.room_id);
    if (!held) return null;
    const [next, verdict] = applyFrame(held, frame, meId);
    if (verdict !== "applied") return verdict;
    this.#put(frame.room_id, next);
    if (frame.ev === "message.created") this.onMessages(frame.room_id, [frame.d], true);
    if (frame.ev === "room.changes") this.onMessages(frame.room_id, frame.d.messages, false);
    return verdict;
  }

  /** Returns the room as it is then, if it is one of ours and that was news. */
  takeActivity(roomId: string, activity: RoomActivity): RoomState | undefined {
    const held = this.peek(roomId);
    this.#change(roomId, (state) => applyActivity(state, activity));
    const next = this.peek(roomId);
    return next === held ? undefined : next;
  }

  /** The stored message of a reply. It moves no position: only the stream does. */
  takeMessage(message: Message): void {
    this.#change(message.room_id, (state) => ({ ...state, timeline: upsert(state.timeline, [message]) }));
    this.onMessages(message.room_id, [message], false);
  }

  takePage(roomId: string, page: Messages): void {
    this.#change(roomId, (state) => ({ ...state, timeline: prepend(state.timeline, page.messages, page.has_before) }));
  }

  takeMembership(membership: Membership, userRev: number | null): void {
    this.#change(membership.room_id, (state) => applyMembership(state, membership, userRev));
  }

  takeMembers(roomId: string, members: readonly Member[], isFirstPage: boolean): void {
    this.#change(roomId, (state) => ({
      ...state,
      members: upsertMembers((isFirstPage ? null : state.members) ?? new Map(), members),
    }));
  }

  trim(roomId: string): void {
    this.#change(roomId, (state) => {
      const timeline = trim(state.timeline, KEPT_WHEN_LEFT);
      return timeline === state.timeline ? state : { ...state, timeline };
    });
  }

  remove(roomId: string): void {
    if (!this.#byId.has(roomId)) return;
    this.#ids.value = this.#ids.value.filter((id) => id !== roomId);
    this.#byId.delete(roomId);
  }

  clear(): void {
    this.#ids.value = [];
    this.#byId.clear();
  }

  #change(roomId: string, change: (state: RoomState) => RoomState): void {
    const held = this.#byId.get(roomId);
    if (held) held.value = change(held.peek());
  }

  #put(roomId: string, state: RoomState): void {
    const held = this.#byId.get(roomId);
    if (held) held.value = state;
    else {
      this.#byId.set(roomId, signal(state));
      this.#ids.value = [...this.#ids.value, roomId];
    }
  }
}
