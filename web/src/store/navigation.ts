// Where in the program we are: the open room (in the address, `/r/<id>`) and what stands beside it.
import { signal } from "@preact/signals";

const ROOM_PATH = /^\/r\/([0-9a-f-]{36})$/;

export class Navigation {
  readonly roomId = signal<string | null>(null);
  /** The members panel; a page of its own below 1,100 px. */
  readonly isPanelOpen = signal(false);

  start(): void {
    this.#follow();
    addEventListener("popstate", () => this.#follow());
  }

  open(roomId: string): void {
    if (this.roomId.peek() === roomId) return;
    // On a narrow screen the way back leads to the list, not through every room that was open.
    const isFirst = this.roomId.peek() === null;
    history[isFirst ? "pushState" : "replaceState"](null, "", `/r/${roomId}`);
    this.roomId.value = roomId;
  }

  close(): void {
    if (this.roomId.peek() === null) return;
    history.replaceState(null, "", "/");
    this.roomId.value = null;
    this.isPanelOpen.value = false;
  }

  #follow(): void {
    this.roomId.value = ROOM_PATH.exec(location.pathname)?.[1] ?? null;
  }
}
