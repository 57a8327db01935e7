// The outbox: own messages that the server has not confirmed. One at a time per room, in order, always with the
// same id, until the server stores it or refuses it for good.
import { signal } from "@preact/signals";
import { delayMs } from "../net/backoff";
import type { Api } from "../net/api";
import type { Message } from "../net/contract.gen";
import { asCommandError, type CommandError } from "../net/errors";
import { uuidv7 } from "../net/uuid";
import type { OutboxDb, StoredDraft } from "./outbox_db";

export type PendingState = "waiting" | "sent" | "unconfirmed" | "failed";
export type Pending = StoredDraft & { readonly state: PendingState };

const UNCONFIRMED_AFTER_MS = 5_000;
// A message that makes the server fail every time would hold up its room for ever.
const INTERNAL_ERRORS_MAX = 5;

export class Outbox {
  readonly items = signal<readonly Pending[]>([]);
  onStored: (message: Message) => void = () => {};

  #userId: string | null = null;
  readonly #pumping = new Set<string>();
  readonly #wakers = new Set<() => void>();

  constructor(
    private readonly api: Api,
    private readonly db: OutboxDb,
    private readonly random: () => number = Math.random,
  ) {}

  /** Load what an earlier page left behind, and go on with it. */
  async open(userId: string): Promise<void> {
    this.#userId = userId;
    const drafts = await this.db.load(userId);
    if (this.#userId !== userId) return;
    const known = new Set(this.items.peek().map((item) => item.id));
    const left = drafts.filter((draft) => !known.has(draft.id));
    this.items.value = [
      ...left.map((draft): Pending => ({ ...draft, state: draft.refusal === null ? "waiting" : "failed" })),
      ...this.items.peek(),
    ];
    for (const draft of left) void this.#pump(draft.room_id);
  }

  inRoom(roomId: string): readonly Pending[] {
    return this.items.value.filter((item) => item.room_id === roomId);
  }

  /** Shown in the same frame; stored on disk and sent right after. */
  add(roomId: string, text: string): void {
    if (this.#userId === null) return;
    const draft: StoredDraft = {
      id: uuidv7(),
      user_id: this.#userId,
      room_id: roomId,
      text,
      written_at: new Date().toISOString(),
      refusal: null,
    };
    this.items.value = [...this.items.peek(), { ...draft, state: "waiting" }];
    void this.db.put(draft);
    void this.#pump(roomId);
  }

  retry(id: string): void {
    const item = this.#find(id);
    if (!item) return;
    this.#change(id, { state: "waiting", refusal: null });
    void this.db.put({ ...this.#stored(item), refusal: null });
    void this.#pump(item.room_id);
  }

  discard(id: string): void {
    this.items.value = this.items.peek().filter((item) => item.id !== id);
    void this.db.remove(id);
  }

  /** Messages seen in the stream: the reply may have been lost, the message was not. */
  confirm(messages: readonly Message[]): void {
    if (this.items.peek().length === 0) return;
    for (const { id } of messages) if (this.#find(id)) this.discard(id);
  }

  dropRoom(roomId: string): void {
    for (const item of this.items.peek()) if (item.room_id === roomId) this.discard(item.id);
  }

  /** The connection is back: do not sit out the delays. */
  wake(): void {
    for (const wake of [...this.#wakers]) wake();
  }

  /** Sign-out: nothing of this user stays on the machine. */
  async close(): Promise<void> {
    const items = this.items.peek();
    this.#userId = null;
    this.items.value = [];
    this.wake();
    await Promise.all(items.map((item) => this.db.remove(item.id)));
  }

  async #pump(roomId: string): Promise<void> {
    if (this.#pumping.has(roomId)) return;
    this.#pumping.add(roomId);
    try {
      let failures = 0;
      for (let item = this.#next(roomId); item; item = this.#next(roomId)) {
        const error = await this.#attempt(item);
        if (!error) {
          failures = 0;
          continue;
        }
        failures += 1;
        if (!error.isRetryable || (error.code === "internal" && failures >= INTERNAL_ERRORS_MAX)) {
          this.#refuse(item.id, error);
          failures = 0;
        } else {
          await this.#pause(error.retryAfterMs ?? Math.max(500, delayMs(failures, this.random)));
        }
      }
    } finally {
      this.#pumping.delete(roomId);
    }
  }

  async #attempt(item: Pending): Promise<CommandError | null> {
    if (item.state === "waiting") this.#change(item.id, { state: "sent" });
    const timer = setTimeout(() => this.#change(item.id, { state: "unconfirmed" }), UNCONFIRMED_AFTER_MS);
    try {
      const reply = await this.api.call("messages.send", { room_id: item.room_id, id: item.id, text: item.text });
      this.onStored(reply.message);
      this.discard(item.id);
      return null;
    } catch (thrown) {
      const error = asCommandError(thrown);
      // Known not to have arrived, as when a limit refused it: it simply waits again.
      if (!error.isUnknown) this.#change(item.id, { state: "waiting" });
      else if (this.#find(item.id)?.state === "sent" && !navigator.onLine) this.#change(item.id, { state: "waiting" });
      else this.#change(item.id, { state: "unconfirmed" });
      return error;
    } finally {
      clearTimeout(timer);
    }
  }

  #refuse(id: string, error: CommandError): void {
    const item = this.#find(id);
    if (!item) return;
    const refusal = error.code === "not_found" ? "You are no longer in this room." : error.message;
    this.#change(id, { state: "failed", refusal });
    void this.db.put({ ...this.#stored(item), refusal });
  }

  #pause(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#wakers.delete(done);
        resolve();
      };
      const timer = setTimeout(done, durationMs);
      this.#wakers.add(done);
    });
  }

  #next(roomId: string): Pending | undefined {
    return this.items.peek().find((item) => item.room_id === roomId && item.state !== "failed");
  }

  #find(id: string): Pending | undefined {
    return this.items.peek().find((item) => item.id === id);
  }

  #change(id: string, change: Partial<Pending>): void {
    this.items.value = this.items.peek().map((item) => (item.id === id ? { ...item, ...change } : item));
  }

  #stored({ id, user_id, room_id, text, written_at, refusal }: Pending): StoredDraft {
    return { id, user_id, room_id, text, written_at, refusal };
  }
}
