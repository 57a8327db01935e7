// One thing that the server knows and a page shows: asked for when the page opens, kept until it is cleared.
import { signal } from "@preact/signals";
import { asCommandError, type CommandError } from "../../net/errors";

export class Resource<T> {
  /** Null until it is there. */
  readonly value = signal<T | null>(null);
  readonly error = signal<CommandError | null>(null);
  #asked = 0;

  constructor(private readonly ask: () => Promise<T>) {}

  /** Ask for it anew; what is there stays meanwhile. The last answer asked for counts, in whatever order they come. */
  async load(): Promise<void> {
    const asked = (this.#asked += 1);
    this.error.value = null;
    try {
      const value = await this.ask();
      if (asked === this.#asked) this.value.value = value;
    } catch (error) {
      if (asked === this.#asked) this.error.value = asCommandError(error);
    }
  }

  /** What a command has just told is newer than whatever is on its way. */
  take(value: T): void {
    this.#asked += 1;
    this.error.value = null;
    this.value.value = value;
  }

  clear(): void {
    this.#asked += 1;
    this.value.value = this.error.value = null;
  }
}
