// Ties the socket to the stores: every frame finds its store, every connect begins with a sync.
import { signal } from "@preact/signals";
import type { StopReason } from "../net/backoff";
import type { Events, RoomActivity } from "../net/contract.gen";
import type { Door } from "../net/doors";
import type { Frame } from "../net/frames";
import type { SocketState } from "../net/socket";
import type { Client } from "./client";

// Short cuts are nobody's business: the banner waits.
const BANNER_AFTER_MS = 2_000;

export class Connection {
  readonly state = signal<SocketState>("offline");
  /** By which way we are connected, or were last. */
  readonly door = signal<Door>("socket");
  readonly stopReason = signal<StopReason | null>(null);
  /** Offline for so long that the user should know. */
  readonly isCutOff = signal(false);
  /** The first sync is through: the room list is the truth. */
  readonly hasSynced = signal(false);

  #bannerTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly client: Client) {
    const { socket } = client.api;
    socket.onState = (state) => this.#onState(state);
    socket.onFrame = (frame) => this.#onFrame(frame);
    socket.onReady = (ready) => this.#onReady(ready);
    socket.onStop = (reason) => this.#onStop(reason);
    socket.positions = () => client.sync.positions();
  }

  /** The network or the tab woke up. */
  wake(): void {
    this.client.api.socket.wake();
  }

  /** Come back after a stop, by the user's wish. */
  resume(): void {
    this.stopReason.value = null;
    this.client.api.socket.start();
  }

  clear(): void {
    clearTimeout(this.#bannerTimer);
    this.hasSynced.value = this.isCutOff.value = false;
    this.stopReason.value = null;
  }

  async #onReady(ready: Events["ready"]): Promise<void> {
    this.client.account.me.value = ready.user;
    this.client.focus.onReady(this.client.api.socket.takesCommands);
    await this.client.sync.run();
    this.hasSynced.value = true;
  }

  #onState(state: SocketState): void {
    this.state.value = state;
    if (state === "live") {
      const { socket } = this.client.api;
      this.door.value = socket.door;
      clearTimeout(this.#bannerTimer);
      this.#bannerTimer = undefined;
      this.isCutOff.value = false;
      this.client.presence.onLive(socket.takesCommands);
      this.client.outbox.wake();
      void this.client.drafts.onLive();
      return;
    }
    this.client.presence.onOffline();
    this.client.drafts.onOffline();
    if (state === "offline") this.client.focus.onOffline();
    this.#bannerTimer ??= setTimeout(() => (this.isCutOff.value = true), BANNER_AFTER_MS);
  }

  #onStop(reason: StopReason): void {
    if (reason === "login_ended") void this.client.account.end("This session was ended from another device.");
    else if (reason === "deactivated") void this.client.account.end("This account has been deactivated.");
    else this.stopReason.value = reason;
  }

  #onFrame(frame: Frame): void {
    const { client } = this;
    switch (frame.ev) {
      case "room.added":
        client.rooms.takeElement(frame.d);
        return;
      case "room.removed":
        client.forgetRoom(frame.d.room_id);
        return;
      case "room.reset":
        void client.sync.reload(frame.d.room_id);
        return;
      case "read.updated":
        client.rooms.takeMembership(frame.d, frame.user_rev);
        client.sync.noteReadMark(frame);
        return;
      case "room.activity":
        this.#onActivity(frame.room_id, frame.d);
        return;
      case "typing.changed":
        if (frame.d.user_id !== client.account.userId.peek()) client.typing.take(frame.room_id, frame.d);
        return;
      case "draft.updated":
        client.drafts.take(frame.d);
        return;
      case "export.ready":
        client.onExportReady(frame.d);
        return;
      case "presence.changed":
        client.presence.take(frame.d);
        return;
      default:
        this.#onRoomFrame(frame);
    }
  }

  #onActivity(roomId: string, activity: RoomActivity): void {
    const { rooms, announcer } = this.client;
    const state = rooms.takeActivity(roomId, activity);
    if (state && activity.mentioned) announcer.onMention(state);
  }

  /** Whatever carries a `rev` belongs to a room's order, known to us or not. */
  #onRoomFrame(frame: Frame): void {
    const userId = this.client.account.userId.peek();
    if (typeof frame.rev !== "number" || userId === null) return;
    if (this.client.rooms.takeFrame(frame, userId) === "reload") void this.client.sync.reload(frame.room_id);
  }
}
