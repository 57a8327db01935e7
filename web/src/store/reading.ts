// Marks rooms read when their newest message is really in sight, and remembers where the "new" line stands.
import { signal } from "@preact/signals";
import type { Api } from "../net/api";
import { unreadOf } from "./counts";
import type { Rooms } from "./rooms";

const SETTLE_MS = 300;

export interface NewLine {
  readonly roomId: string;
  /** The last seq that was read when the line was drawn. */
  readonly afterSeq: number;
}

export class Reading {
  readonly newLine = signal<NewLine | null>(null);
  #atBottomOf: string | null = null;
  #isVisible = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #markedByRoom = new Map<string, number>();

  constructor(
    private readonly api: Api,
    private readonly rooms: Rooms,
  ) {}

  /** A room was opened, or left (null). */
  onRoomOpened(roomId: string | null): void {
    this.#atBottomOf = null;
    const state = roomId === null ? undefined : this.rooms.peek(roomId);
    this.newLine.value =
      state && unreadOf(state) > 0 ? { roomId: state.room.id, afterSeq: state.membership.read_seq } : null;
  }

  /** The newest message of that room is on the screen, or no longer. */
  onBottom(roomId: string, isAtBottom: boolean): void {
    if (isAtBottom) this.#atBottomOf = roomId;
    else if (this.#atBottomOf === roomId) this.#atBottomOf = null;
    this.#schedule();
  }

  onVisible(isVisible: boolean): void {
    this.#isVisible = isVisible;
    this.#schedule();
  }

  /** A message arrived in the open room: draw the line if nobody is looking, else it is read. */
  onMessage(roomId: string, seq: number): void {
    const isSeen = this.#isVisible && this.#atBottomOf === roomId;
    if (!isSeen && this.newLine.peek()?.roomId !== roomId) this.newLine.value = { roomId, afterSeq: seq - 1 };
    if (isSeen) this.#schedule();
  }

  /** Having answered, one has read. */
  onSent(): void {
    this.newLine.value = null;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#atBottomOf = null;
    this.newLine.value = null;
    this.#markedByRoom.clear();
  }

  #schedule(): void {
    if (!this.#isVisible || this.#atBottomOf === null) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#mark(), SETTLE_MS);
  }

  async #mark(): Promise<void> {
    const roomId = this.#atBottomOf;
    if (roomId === null || !this.#isVisible) return;
    const state = this.rooms.peek(roomId);
    const seq = state?.timeline.messages.at(-1)?.seq;
    if (!state || seq === undefined || seq <= state.membership.read_seq) return;
    if ((this.#markedByRoom.get(roomId) ?? 0) >= seq) return;
    this.#markedByRoom.set(roomId, seq);
    try {
      this.rooms.takeMembership(await this.api.call("read.mark", { room_id: roomId, seq }), null);
    } catch {
      // The next message, look or connection marks again.
      this.#markedByRoom.delete(roomId);
    }
  }
}
