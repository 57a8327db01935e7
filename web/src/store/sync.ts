// Brings all rooms up to date after each connect, and single rooms when told to. Used by connection.ts.
import type { Api } from "../net/api";
import type { Frame } from "../net/frames";
import type { Rooms } from "./rooms";

// No room is ever at epoch 0: the answer is the room anew.
const NOTHING_HELD = { epoch: 0, rev: 0 };

export class Synchroniser {
  readonly #reloading = new Set<string>();
  #heldBack: Frame[] | null = null;

  constructor(
    private readonly api: Api,
    private readonly rooms: Rooms,
    private readonly onRemoved: (roomId: string) => void,
  ) {}

  /** Pull all that changed since the last connection, page by page. Raises CommandError. */
  async run(): Promise<void> {
    const positions = this.rooms.positions();
    this.#heldBack = [];
    try {
      let cursor: string | null = null;
      do {
        const page: Awaited<ReturnType<typeof this.page>> = await this.page(positions, cursor);
        for (const element of page.rooms) this.rooms.takeElement(element);
        for (const roomId of page.left) this.onRemoved(roomId);
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

  /** Ask for one room anew; once at a time. A failure is left to the next `sync`. */
  async reload(roomId: string): Promise<void> {
    if (this.#reloading.has(roomId)) return;
    this.#reloading.add(roomId);
    try {
      const reply = await this.api.call("sync", { rooms: { [roomId]: NOTHING_HELD }, only: true });
      for (const element of reply.rooms) this.rooms.takeElement(element);
      for (const id of reply.left) this.onRemoved(id);
    } catch {
      return;
    } finally {
      this.#reloading.delete(roomId);
    }
  }

  private page(rooms: Record<string, { epoch: number; rev: number }>, cursor: string | null) {
    return this.api.call("sync", cursor === null ? { rooms } : { rooms, cursor });
  }

  #replayReadMarks(frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (frame.ev === "read.updated") this.rooms.takeMembership(frame.d, frame.user_rev);
    }
  }
}
