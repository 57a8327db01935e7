// While the stream carries: tries every few minutes whether a WebSocket gets through by now. Used by socket.ts.
import type { Wire } from "./wire";

const AGAIN_MS = 180_000;
const SOONEST_AGAIN_MS = 30_000;
const HANDSHAKE_DEADLINE_MS = 15_000;

export class SideDoor {
  #isOn = false;
  #wire: Wire | null = null;
  #triedAtMs = 0;
  #againTimer: ReturnType<typeof setInterval> | undefined;
  #deadlineTimer: ReturnType<typeof setTimeout> | undefined;

  /** `onThrough` is given the wire with its first frame already read. */
  constructor(
    private readonly open: () => Promise<Wire>,
    private readonly onThrough: (wire: Wire, text: string) => void,
  ) {}

  start(): void {
    this.stop();
    this.#isOn = true;
    this.#triedAtMs = Date.now();
    this.#againTimer = setInterval(() => void this.#try(), AGAIN_MS);
  }

  /** The network may be another one by now. */
  wake(): void {
    if (this.#isOn && Date.now() - this.#triedAtMs >= SOONEST_AGAIN_MS) void this.#try();
  }

  stop(): void {
    this.#isOn = false;
    clearInterval(this.#againTimer);
    this.#drop();
  }

  async #try(): Promise<void> {
    this.#triedAtMs = Date.now();
    let wire: Wire;
    try {
      wire = await this.open();
    } catch {
      return;
    }
    this.#drop();
    if (!this.#isOn) {
      wire.close();
      return;
    }
    this.#wire = wire;
    this.#deadlineTimer = setTimeout(() => this.#drop(), HANDSHAKE_DEADLINE_MS);
    wire.onclose = () => this.#drop();
    wire.onmessage = ({ data }: { data: unknown }) => {
      this.#wire = null;
      this.stop();
      this.onThrough(wire, String(data));
    };
  }

  #drop(): void {
    clearTimeout(this.#deadlineTimer);
    const wire = this.#wire;
    this.#wire = null;
    if (!wire) return;
    wire.onmessage = wire.onclose = null;
    wire.close();
  }
}
