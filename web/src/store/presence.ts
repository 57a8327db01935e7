// Who is here: follows the people that some part of the screen shows. Survives reconnects by asking again.
import { signal, type Signal } from "@preact/signals";
import type { Api } from "../net/api";
import type { Presence, SetPresence } from "../net/contract.gen";

// The server watches at most 500 people for one connection.
const WATCHED_MAX = 500;

export class PresenceStore {
  readonly #byId = new Map<string, Signal<Presence | null>>();
  readonly #idsByViewer = new Map<string, readonly string[]>();
  #watched = new Set<string>();
  #isLive = false;
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

  onLive(): void {
    this.#isLive = true;
    this.#watched = new Set();
    this.#schedule();
  }

  onOffline(): void {
    this.#isLive = false;
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
      if (removed.length > 0) await this.api.call("presence.unwatch", { user_ids: removed });
      if (added.length === 0) return;
      const { presences } = await this.api.call("presence.watch", { user_ids: added });
      for (const presence of presences) this.take(presence);
    } catch {
      // The next connection, or the next change of what is shown, asks again.
      for (const id of added) this.#watched.delete(id);
    }
  }
}
