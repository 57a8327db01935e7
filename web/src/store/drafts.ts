// Unsent text of the composer, kept per room across reloads. Used by the composer and the room list.
import { signal } from "@preact/signals";
import { keysBelow, read, write } from "./storage";

export class Drafts {
  readonly #textByRoom = signal<ReadonlyMap<string, string>>(new Map());
  #userId = "";

  open(userId: string): void {
    this.#userId = userId;
    const roomIds = keysBelow(this.#key(""));
    this.#textByRoom.value = new Map(roomIds.map((roomId) => [roomId, read(this.#key(roomId)) ?? ""]));
  }

  get(roomId: string): string {
    return this.#textByRoom.value.get(roomId) ?? "";
  }

  peek(roomId: string): string {
    return this.#textByRoom.peek().get(roomId) ?? "";
  }

  set(roomId: string, text: string): void {
    if (this.#textByRoom.peek().get(roomId) === text) return;
    this.#textByRoom.value = new Map(this.#textByRoom.peek()).set(roomId, text);
    write(this.#key(roomId), text === "" ? null : text);
  }

  /** Sign-out: nothing of this user stays on the machine. */
  close(): void {
    for (const roomId of keysBelow(this.#key(""))) write(this.#key(roomId), null);
    this.#textByRoom.value = new Map();
  }

  #key(roomId: string): string {
    return `draft.${this.#userId}.${roomId}`;
  }
}
