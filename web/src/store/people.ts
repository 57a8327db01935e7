// Public profiles by id, fetched in batches the first time somebody looks. Used by everything that shows a name.
import { signal, type Signal } from "@preact/signals";
import type { Api } from "../net/api";
import type { User } from "../net/contract.gen";

const BATCH_MAX = 100;
const RETRY_MS = 3_000;

export class People {
  readonly #byId = new Map<string, Signal<User | null>>();
  #wanted = new Set<string>();
  #isScheduled = false;

  constructor(private readonly api: Api) {}

  /** Follows that person; null until known. */
  find(userId: string): User | null {
    const held = this.#signalOf(userId);
    if (held.peek() === null) this.#want(userId);
    return held.value;
  }

  nameOf(userId: string): string {
    return this.find(userId)?.display_name ?? "…";
  }

  take(users: readonly User[]): void {
    for (const user of users) this.#signalOf(user.id).value = user;
  }

  /** Those already known; for completing names. */
  known(userIds: Iterable<string>): User[] {
    return [...userIds].map((id) => this.find(id)).filter((user) => user !== null);
  }

  async search(query: string): Promise<User[]> {
    const { users } = await this.api.call("users.search", { q: query, limit: 20 });
    this.take(users);
    return users;
  }

  clear(): void {
    this.#byId.clear();
    this.#wanted.clear();
  }

  #signalOf(userId: string): Signal<User | null> {
    let held = this.#byId.get(userId);
    if (!held) this.#byId.set(userId, (held = signal<User | null>(null)));
    return held;
  }

  #want(userId: string): void {
    this.#wanted.add(userId);
    this.#schedule(0);
  }

  #schedule(delayMs: number): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setTimeout(() => void this.#fetch(), delayMs);
  }

  async #fetch(): Promise<void> {
    const ids = [...this.#wanted].slice(0, BATCH_MAX);
    for (const id of ids) this.#wanted.delete(id);
    try {
      if (ids.length > 0) this.take((await this.api.call("users.get", { ids })).users);
      this.#isScheduled = false;
      if (this.#wanted.size > 0) this.#schedule(0);
    } catch {
      for (const id of ids) this.#wanted.add(id);
      this.#isScheduled = false;
      this.#schedule(RETRY_MS);
    }
  }
}
