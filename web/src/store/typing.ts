// Who is typing where, and telling others that we are. Signals are lossy: every entry ends by itself.
import { signal } from "@preact/signals";
import type { Api } from "../net/api";
import type { TypingChanged } from "../net/contract.gen";

const SHOWN_MS = 6_000;
const TOLD_EVERY_MS = 3_000;

export class TypingStore {
  readonly #usersByRoom = signal<ReadonlyMap<string, readonly string[]>>(new Map());
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #toldAtMsByRoom = new Map<string, number>();

  constructor(private readonly api: Api) {}

  /** Follows who types in the room's main timeline, in the order in which they began. */
  inRoom(roomId: string): readonly string[] {
    return this.#usersByRoom.value.get(roomId) ?? [];
  }

  take(roomId: string, typing: TypingChanged): void {
    if (typing.thread_id !== null) return;
    const key = `${roomId} ${typing.user_id}`;
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    this.#set(roomId, typing.user_id, typing.until_at !== null);
    if (typing.until_at === null) return;
    this.#timers.set(key, setTimeout(() => this.#set(roomId, typing.user_id, false), SHOWN_MS));
  }

  /** Whoever's message arrived has stopped typing. */
  onMessage(roomId: string, userId: string): void {
    this.#set(roomId, userId, false);
  }

  /** Called on each keystroke. */
  tell(roomId: string): void {
    const now = Date.now();
    if (now - (this.#toldAtMsByRoom.get(roomId) ?? 0) < TOLD_EVERY_MS) return;
    this.#toldAtMsByRoom.set(roomId, now);
    this.api.call("typing.start", { room_id: roomId }).catch(() => {});
  }

  tellStopped(roomId: string): void {
    if (!this.#toldAtMsByRoom.delete(roomId)) return;
    this.api.call("typing.stop", { room_id: roomId }).catch(() => {});
  }

  clear(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#usersByRoom.value = new Map();
  }

  #set(roomId: string, userId: string, isTyping: boolean): void {
    const present = this.#usersByRoom.peek().get(roomId) ?? [];
    if (present.includes(userId) === isTyping) return;
    const users = isTyping ? [...present, userId] : present.filter((id) => id !== userId);
    this.#usersByRoom.value = new Map(this.#usersByRoom.peek()).set(roomId, users);
  }
}
