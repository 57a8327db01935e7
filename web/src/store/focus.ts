// Tells the server which rooms are on the screen: crowded ones out of sight then send `room.activity` instead of every
// event. A server that does not know it refuses, and goes on sending everything.
import type { Api } from "../net/api";

export class Focus {
  #roomIds: readonly string[] = [];
  #canTell = false;

  constructor(private readonly api: Api) {}

  show(roomIds: readonly string[]): void {
    if (roomIds.length === this.#roomIds.length && roomIds.every((id) => this.#roomIds.includes(id))) return;
    this.#roomIds = roomIds;
    this.#tell();
  }

  /** A connection is there; called before it syncs, so that it begins with what is looked at. */
  onReady(takesCommands: boolean): void {
    this.#canTell = takesCommands;
    this.#tell();
  }

  onOffline(): void {
    this.#canTell = false;
  }

  #tell(): void {
    if (this.#canTell) this.api.call("rooms.focus", { room_ids: [...this.#roomIds] }).catch(() => {});
  }
}
