// What the user does to stored messages: page back, edit, delete; and to the list of members.
import { signal } from "@preact/signals";
import type { Api } from "../net/api";
import type { Members } from "../net/contract.gen";
import { asCommandError, type CommandError } from "../net/errors";
import type { Rooms } from "./rooms";

const PAGE_SIZE = 50;

export class History {
  /** Rooms of which an older page is on its way. */
  readonly loading = signal<ReadonlySet<string>>(new Set());
  readonly failed = signal<ReadonlyMap<string, CommandError>>(new Map());

  constructor(
    private readonly api: Api,
    private readonly rooms: Rooms,
  ) {}

  /** Fetch the page before the oldest loaded message; does nothing while one is on its way. */
  async loadOlder(roomId: string): Promise<void> {
    const first = this.rooms.peek(roomId)?.timeline.messages[0];
    if (!first || !this.rooms.peek(roomId)?.timeline.hasBefore || this.loading.peek().has(roomId)) return;
    this.loading.value = new Set(this.loading.peek()).add(roomId);
    this.#setFailed(roomId, null);
    try {
      const page = await this.api.call("messages.list", { room_id: roomId, before_seq: first.seq, limit: PAGE_SIZE });
      // A reset may have replaced the timeline meanwhile: this page would leave a hole.
      if (this.rooms.peek(roomId)?.timeline.messages[0]?.id === first.id) this.rooms.takePage(roomId, page);
    } catch (error) {
      this.#setFailed(roomId, asCommandError(error));
    } finally {
      const loading = new Set(this.loading.peek());
      loading.delete(roomId);
      this.loading.value = loading;
    }
  }

  /** Raises CommandError. */
  async edit(roomId: string, messageId: string, text: string): Promise<void> {
    this.rooms.takeMessage(await this.api.call("messages.edit", { room_id: roomId, message_id: messageId, text }));
  }

  /** Raises CommandError. */
  async remove(roomId: string, messageId: string): Promise<void> {
    this.rooms.takeMessage(await this.api.call("messages.delete", { room_id: roomId, message_id: messageId }));
  }

  /** Load who is in the room; events keep it current from then on. Raises CommandError. */
  async loadMembers(roomId: string): Promise<void> {
    let cursor: string | null = null;
    let isFirst = true;
    do {
      const page: Members = await this.api.call(
        "members.list",
        cursor === null ? { room_id: roomId } : { room_id: roomId, cursor },
      );
      this.rooms.takeMembers(roomId, page.members, isFirst);
      isFirst = false;
      cursor = page.next_cursor;
    } while (cursor !== null);
  }

  #setFailed(roomId: string, error: CommandError | null): void {
    const failed = new Map(this.failed.peek());
    if (error) failed.set(roomId, error);
    else failed.delete(roomId);
    this.failed.value = failed;
  }
}
