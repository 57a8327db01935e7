// Commands that wait for their answer: refs, deadlines, and what happens to them when the connection goes.
import type { Commands, Op } from "./contract.gen";
import { CommandError, disconnected, fromBody } from "./errors";
import type { Reply } from "./frames";

// Above the server's own 10 s, so that its `timeout` normally arrives first.
const DEADLINE_MS = 12_000;

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: CommandError) => void;
  timer: ReturnType<typeof setTimeout>;
}

export class InFlight {
  #lastRef = 0;
  readonly #waitingByRef = new Map<number, Waiting>();

  /** Number a command, write it, and promise its reply. Raises CommandError. */
  send<O extends Op>(
    op: O,
    data: Commands[O]["request"],
    write: (text: string) => void,
    deadlineMs: number = DEADLINE_MS,
  ): Promise<Commands[O]["reply"]> {
    this.#lastRef += 1;
    const ref = this.#lastRef;
    return new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waitingByRef.delete(ref);
        reject(new CommandError("timeout", "The server did not answer in time."));
      }, deadlineMs);
      this.#waitingByRef.set(ref, { resolve, reject, timer });
      write(JSON.stringify({ op, ref, d: data }));
    }) as Promise<Commands[O]["reply"]>;
  }

  settle(reply: Reply): void {
    const waiting = this.#waitingByRef.get(reply.ref);
    if (!waiting) return;
    this.#waitingByRef.delete(reply.ref);
    clearTimeout(waiting.timer);
    if (reply.error) waiting.reject(fromBody(reply.error));
    else waiting.resolve(reply.ok);
  }

  /** The connection is gone: nobody knows what became of these. */
  abandon(): void {
    for (const waiting of this.#waitingByRef.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(disconnected());
    }
    this.#waitingByRef.clear();
  }
}
