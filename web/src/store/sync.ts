// Brings all rooms up to date after each connect, and single rooms when told to. Used by connection.ts.
import type { Api } from "../net/api";
import type { HeldPosition, Synced } from "../net/contract.gen";
import type { Frame } from "../net/frames";
import type { Rooms } from "./rooms";

// No room is ever at epoch 0: the answer is the room anew.
const NOTHING_HELD: HeldPosition = { epoch: 0, rev: 0 };

export class Synchroniser {
  readonly #reloading = new Set<string>();
  /** Rooms that must come anew, whatever is held of them. */
  readonly #void = new Set<string>();
  #heldBack: Frame[] | null = null;

  constructor(
    private readonly api: Api,
    private readonly rooms: Rooms,
    private readonly onRemoved: (roomId: string) => void,
  ) {}

  /** From where to go on, room by room. */
  positions(): Record<string, HeldPosition> {
    const held = this.rooms.positions();
    for (const roomId of this.#void) if (roomId in held) held[roomId] = NOTHING_HELD;
    return held;
  }

  /** Pull all that changed since the last connection, page by page. Raises CommandError. */
  async run(): Promise<void> {
    const positions = this.positions();
    this.#heldBack = [];
    try {
      let cursor: string | null = null;
      do {
        const page: Synced = await this.page(positions, cursor);
        this.#take(page);
        cursor = page.next_cursor;
      } while (cursor !== null);
      this.#replayReadMarks(this.#heldBack);
    } finally {
      this.#heldBack = null;
    }
  }

  /**
   * A read mark that arrives while the snapshot is on its way may be newer than the snapshot: it is applied at
   * once, and once more after it.
   */
  noteReadMark(frame: Frame): void {
    this.#heldBack?.push(frame);
  }

  /** Ask for one room anew; once at a time. What fails, as it does where WebSocket is blocked, the next sync does. */
  async reload(roomId: string): Promise<void> {
    if (this.#reloading.has(roomId)) return;
    this.#reloading.add(roomId);
    this.#void.add(roomId);
    try {
      this.#take(await this.api.call("sync", { rooms: { [roomId]: NOTHING_HELD }, only: true }));
    } catch {
      return;
    } finally {
      this.#reloading.delete(roomId);
    }
  }

  #take(page: Synced): void {
    for (const element of page.rooms) {
      this.#void.delete(element.room.id);
      this.rooms.takeElement(element);
    }
    for (const roomId of page.left) {
      this.#void.delete(roomId);
      this.onRemoved(roomId);
    }
  }

  private page(rooms: Record<string, HeldPosition>, cursor: string | null) {
    return this.api.call("sync", cursor === null ? { rooms } : { rooms, cursor });
  }

  #replayReadMarks(frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (frame.ev === "read.updated") this.rooms.takeMembership(frame.d, frame.user_rev);
    }
  }
}
