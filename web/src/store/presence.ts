// Who is here: follows the people that some part of the screen shows. Survives reconnects by asking again; where the
// connection takes no commands, asks every minute.
import { signal, type Signal } from "@preact/signals";
import type { Api } from "../net/api";
import type { Presence, SetPresence } from "../net/contract.gen";

// The server watches at most 500 people for one connection.
const WATCHED_MAX = 500;
const ASK_EVERY_MS = 60_000;
// Ids stand in the address, which must not grow too long for anybody on the way.
const ASKED_MAX = 100;

export class PresenceStore {
  readonly #byId = new Map<string, Signal<Presence | null>>();
  readonly #idsByViewer = new Map<string, readonly string[]>();
  #watched = new Set<string>();
  #isLive = false;
  #canWatch = false;
  #askTimer: ReturnType<typeof setInterval> | undefined;
  #isScheduled = false;

  constructor(private readonly api: Api) {}

  /** Follows that person's presence; null while unknown. */
  find(userId: string): Presence | null {
    return this.#signalOf(userId).value;
  }

  /** Say whom a part of the screen shows; an empty list ends it. */
  show(viewer: string, userIds: readonly string[]): void {
    if (userIds.length > 0) this.#idsByViewer.set(viewer, userIds);
    else this.#idsByViewer.delete(viewer);
    this.#schedule();
  }

  take(presence: Presence): void {
    this.#signalOf(presence.user_id).value = presence;
  }

  /** Raises CommandError. */
  async setOwn(status: SetPresence["status"], text: string): Promise<void> {
    this.take(await this.api.call("presence.set", { status, text }));
  }

  onLive(canWatch: boolean): void {
    this.onOffline();
    this.#isLive = true;
    this.#canWatch = canWatch;
    if (!canWatch) this.#askTimer = setInterval(() => this.#askAgain(), ASK_EVERY_MS);
    this.#askAgain();
  }

  onOffline(): void {
    this.#isLive = false;
    clearInterval(this.#askTimer);
  }

  clear(): void {
    this.#byId.clear();
    this.#idsByViewer.clear();
    this.#watched.clear();
  }

  #signalOf(userId: string): Signal<Presence | null> {
    let held = this.#byId.get(userId);
    if (!held) this.#byId.set(userId, (held = signal<Presence | null>(null)));
    return held;
  }

  #askAgain(): void {
    this.#watched = new Set();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setTimeout(() => {
      this.#isScheduled = false;
      if (this.#isLive) void this.#reconcile();
    }, 50);
  }

  async #reconcile(): Promise<void> {
    const wanted = new Set([...this.#idsByViewer.values()].flat().slice(0, WATCHED_MAX));
    const added = [...wanted].filter((id) => !this.#watched.has(id));
    const removed = [...this.#watched].filter((id) => !wanted.has(id));
    this.#watched = wanted;
    try {
      if (!this.#canWatch) return await this.#ask(added);
      if (removed.length > 0) await this.api.call("presence.unwatch", { user_ids: removed });
      if (added.length === 0) return;
      const { presences } = await this.api.call("presence.watch", { user_ids: added });
      for (const presence of presences) this.take(presence);
    } catch {
      // The next connection, or the next change of what is shown, asks again.
      for (const id of added) this.#watched.delete(id);
    }
  }

  async #ask(userIds: readonly string[]): Promise<void> {
    for (let first = 0; first < userIds.length; first += ASKED_MAX) {
      const { presences } = await this.api.call("presence.get", { user_ids: userIds.slice(first, first + ASKED_MAX) });
      for (const presence of presences) this.take(presence);
    }
  }
}
