// Unsent text of the composer, one per room: kept in this browser with each key, and at the server once the hand rests,
// for one's other devices. Used by the composer and the room list.
import { signal } from "@preact/signals";
import type { Api } from "../net/api";
import type { Draft } from "../net/contract.gen";
import { asCommandError } from "../net/errors";
import { keysBelow, read, write } from "./storage";

const TOLD_AFTER_MS = 2_000;

export class Drafts {
  readonly #textByRoom = signal<ReadonlyMap<string, string>>(new Map());
  /** Rooms whose text the server has not been told yet, be it that there is none any more. */
  readonly #untold = new Set<string>();
  /** What the server holds, and since when. */
  readonly #toldByRoom = new Map<string, Draft>();
  #userId = "";
  #isLive = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly api: Api) {}

  open(userId: string): void {
    this.#userId = userId;
    const roomIds = keysBelow(this.#key(""));
    this.#textByRoom.value = new Map(roomIds.map((roomId) => [roomId, read(this.#key(roomId)) ?? ""]));
    // What was written offline outlives a reload.
    for (const roomId of roomIds) if (read(this.#toldKey(roomId)) === null) this.#untold.add(roomId);
  }

  get(roomId: string): string {
    return this.#textByRoom.value.get(roomId) ?? "";
  }

  peek(roomId: string): string {
    return this.#textByRoom.peek().get(roomId) ?? "";
  }

  set(roomId: string, text: string): void {
    if (this.peek(roomId) === text) return;
    this.#untold.add(roomId);
    this.#put(roomId, text);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), TOLD_AFTER_MS);
  }

  /** The room is gone, and with it what the server held of it. */
  drop(roomId: string): void {
    this.#untold.delete(roomId);
    this.#toldByRoom.delete(roomId);
    this.#put(roomId, "");
  }

  /** From another device. What is being written here is newer. */
  take(draft: Draft): void {
    const { room_id, thread_id, text, updated_at } = draft;
    if (thread_id !== null || updated_at <= (this.#toldByRoom.get(room_id)?.updated_at ?? "")) return;
    this.#toldByRoom.set(room_id, draft);
    if (!this.#untold.has(room_id)) this.#put(room_id, text);
  }

  /** A connection is there: fetch what was written elsewhere, then tell what was written here. */
  async onLive(): Promise<void> {
    try {
      const held = await this.#list();
      const gone = [...this.#textByRoom.peek().keys()].filter((roomId) => !held.has(roomId) && !this.#untold.has(roomId));
      for (const roomId of gone) this.drop(roomId);
      for (const draft of held.values()) this.take(draft);
      this.#isLive = true;
      this.flush();
    } catch {
      // The next connection asks again.
    }
  }

  onOffline(): void {
    this.#isLive = false;
  }

  /** Do not wait for the hand to rest: the page may be closed, another room is opened. */
  flush(): void {
    clearTimeout(this.#timer);
    if (this.#isLive) for (const roomId of this.#untold) void this.#tell(roomId);
  }

  /** Sign-out: nothing of this user stays on the machine. */
  close(): void {
    clearTimeout(this.#timer);
    for (const prefix of [this.#key(""), this.#toldKey("")]) {
      for (const roomId of keysBelow(prefix)) write(prefix + roomId, null);
    }
    this.#isLive = false;
    this.#untold.clear();
    this.#toldByRoom.clear();
    this.#textByRoom.value = new Map();
  }

  async #list(): Promise<Map<string, Draft>> {
    const held = new Map<string, Draft>();
    let cursor: string | null = null;
    do {
      const page: { drafts: Draft[]; next_cursor: string | null } = await this.api.call("drafts.list", { cursor });
      for (const draft of page.drafts) if (draft.thread_id === null) held.set(draft.room_id, draft);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return held;
  }

  async #tell(roomId: string): Promise<void> {
    const text = this.peek(roomId);
    try {
      // Written and sent in one go: there was never anything to tell.
      if (text !== (this.#toldByRoom.get(roomId)?.text ?? "")) {
        this.#toldByRoom.set(roomId, await this.api.call("drafts.set", { room_id: roomId, text }));
      }
    } catch (error) {
      // The next key or connection tells; what is refused for good stays in this browser.
      if (asCommandError(error).isRetryable) return;
    }
    if (this.peek(roomId) !== text) return;
    this.#untold.delete(roomId);
    this.#put(roomId, text);
  }

  /** On disk, an empty text stands only where the server must still be told of it. */
  #put(roomId: string, text: string): void {
    this.#textByRoom.value = new Map(this.#textByRoom.peek()).set(roomId, text);
    const isUntold = this.#untold.has(roomId);
    write(this.#key(roomId), text === "" && !isUntold ? null : text);
    write(this.#toldKey(roomId), text === "" || isUntold ? null : "1");
  }

  #key(roomId: string): string {
    return `draft.${this.#userId}.${roomId}`;
  }

  #toldKey(roomId: string): string {
    return `draft_told.${this.#userId}.${roomId}`;
  }
}
