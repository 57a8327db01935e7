// Frames over a plain HTTP response, `POST /api/v1/stream`: a wire that carries no commands but the first `sync`,
// whose positions go with the request. Opened by socket.ts where WebSocket is blocked; knows no rooms.
import { closeCodes, type Commands, type ErrorBody } from "./contract.gen";
import { isReply, parseFrame, type Reply } from "./frames";
import { SseParser } from "./sse";
import { LOST, type Wire } from "./wire";

// The server pings every 25 s.
const SILENCE_MS = 40_000;
const LOOK_EVERY_MS = 10_000;

export type Positions = NonNullable<Commands["sync"]["request"]["rooms"]>;

interface Command {
  op: string;
  ref: number;
  d: { only?: boolean };
}

const REFUSAL: ErrorBody = {
  code: "unavailable",
  message: "This network lets no such command through.",
  retry_after_ms: null,
  details: {},
};

export class StreamWire implements Wire {
  onmessage: Wire["onmessage"] = null;
  onclose: Wire["onclose"] = null;

  readonly #abort = new AbortController();
  /** Pages of the sync that nobody asked for yet, and the refs of those who wait for one. */
  readonly #pages: Reply[] = [];
  readonly #waitingRefs: number[] = [];
  readonly #silenceTimer: ReturnType<typeof setInterval>;
  #heardAtMs = Date.now();

  constructor(url: string, accessToken: string, positions: Positions) {
    this.#silenceTimer = setInterval(() => {
      if (Date.now() - this.#heardAtMs >= SILENCE_MS) this.#end(LOST);
    }, LOOK_EVERY_MS);
    void this.#read(url, accessToken, positions).then(
      (code) => this.#end(code),
      () => this.#end(LOST),
    );
  }

  send(text: string): void {
    const { op, ref, d } = JSON.parse(text) as Command;
    if (op !== "sync") {
      this.#emit({ ref, error: REFUSAL });
    } else if (d.only) {
      // Rooms to be had anew come with the positions of the next stream.
      this.#end(LOST);
    } else {
      this.#waitingRefs.push(ref);
      this.#handOver();
    }
  }

  close(): void {
    clearInterval(this.#silenceTimer);
    this.#abort.abort();
  }

  /** Read to the end; returns the code of the close. */
  async #read(url: string, accessToken: string, positions: Positions): Promise<number> {
    const response = await fetch(url, {
      method: "POST",
      headers: { Authorization: `Bearer ${accessToken}`, "Content-Type": "application/json" },
      body: JSON.stringify({ rooms: positions }),
      cache: "no-store",
      signal: this.#abort.signal,
    });
    if (response.status === 401) return closeCodes.token_expired;
    if (!response.ok || !response.body) return LOST;
    const reader = response.body.getReader();
    const parser = new SseParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return LOST;
      this.#heardAtMs = Date.now();
      for (const text of parser.feed(value)) {
        const code = await this.#take(text);
        if (code !== null) return code;
      }
    }
  }

  /** Pass one frame on; returns the code if it was the farewell. */
  async #take(text: string): Promise<number | null> {
    const frame = parseFrame(text);
    if (!frame) return null;
    if (isReply(frame)) {
      this.#pages.push(frame);
      this.#handOver();
      // Events that came in the same piece wait until whoever awaits the page has taken it, as with a WebSocket.
      await new Promise((resolve) => setTimeout(resolve));
      return null;
    }
    const { ev, d } = frame as { ev: string; d: unknown };
    if (ev === "closed") return (d as { code: number }).code;
    this.onmessage?.({ data: text });
    return null;
  }

  #handOver(): void {
    if (this.#pages.length === 0 || this.#waitingRefs.length === 0) return;
    this.#emit({ ...this.#pages.shift()!, ref: this.#waitingRefs.shift()! });
  }

  #emit(reply: Reply): void {
    this.onmessage?.({ data: JSON.stringify(reply) });
  }

  #end(code: number): void {
    if (this.#abort.signal.aborted) return;
    this.close();
    this.onclose?.({ code });
  }
}
