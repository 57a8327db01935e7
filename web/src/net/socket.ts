// One connection that keeps coming back: offline → connecting → syncing → live; by WebSocket, or by the stream where
// that is blocked. Tells its owner of frames and states through callbacks; knows tokens and close codes, but no rooms.
import { planAfterClose, type StopReason } from "./backoff";
import type { Commands, Events, Op } from "./contract.gen";
import { doorAfterLoss, type Door } from "./doors";
import { CommandError, disconnected } from "./errors";
import { isReply, parseFrame, type Frame } from "./frames";
import { InFlight } from "./in_flight";
import { SideDoor } from "./side_door";
import { StreamWire, type Positions } from "./stream_wire";
import { LOST, type Wire } from "./wire";

export type SocketState = "offline" | "connecting" | "syncing" | "live";

export interface TokenSource {
  fresh(): Promise<string>;
  refresh(): Promise<string>;
}

export interface SocketOptions {
  url: string;
  streamUrl: string;
  tokens: TokenSource;
  openSocket?: (url: string, protocols: string[]) => Wire;
  openStream?: (url: string, accessToken: string, positions: Positions) => Wire;
  random?: () => number;
}

const HANDSHAKE_DEADLINE_MS = 15_000;
// A browser cannot see the server's pings; after this much silence we ask for a sign of life.
const SILENCE_MS = 30_000;

export class Socket {
  onState: (state: SocketState) => void = () => {};
  onFrame: (frame: Frame) => void = () => {};
  /** Bring the owner up to date; the connection is live once this resolves, dropped if it rejects. */
  onReady: (ready: Events["ready"]) => Promise<void> = () => Promise.resolve();
  onStop: (reason: StopReason) => void = () => {};
  /** What the owner holds: a stream begins with a sync from there. */
  positions: () => Positions = () => ({});

  #state: SocketState = "offline";
  #isWanted = false;
  #door: Door = "socket";
  #wire: Wire | null = null;
  #hasOpened = false;
  #attempt = 0;
  #failedHandshakes = 0;
  #drainMs: number | null = null;
  #heardAtMs = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #handshakeTimer: ReturnType<typeof setTimeout> | undefined;
  #silenceTimer: ReturnType<typeof setInterval> | undefined;
  readonly #inFlight = new InFlight();
  readonly #sideDoor = new SideDoor(
    async () => this.#openSocket(await this.#options.tokens.fresh()),
    (wire, text) => this.#changeOver(wire, text),
  );
  readonly #options: Required<SocketOptions>;

  constructor(options: SocketOptions) {
    this.#options = {
      openSocket: (url, protocols) => new WebSocket(url, protocols),
      openStream: (url, accessToken, positions) => new StreamWire(url, accessToken, positions),
      random: Math.random,
      ...options,
    };
  }

  get state(): SocketState {
    return this.#state;
  }

  get door(): Door {
    return this.#door;
  }

  /** Whether commands can be written: a stream takes none but `sync`, which goes out before the connection is live. */
  get takesCommands(): boolean {
    return this.#isOpen && this.#door === "socket";
  }

  get #isOpen(): boolean {
    return this.#state === "live" || this.#state === "syncing";
  }

  start(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    this.#attempt = 0;
    this.#failedHandshakes = 0;
    this.#door = "socket";
    void this.#connect(false);
  }

  stop(): void {
    this.#isWanted = false;
    clearTimeout(this.#retryTimer);
    this.#release();
    this.#enter("offline");
  }

  /** Raises CommandError. `disconnected` and `timeout` leave open whether the command took effect. */
  call<O extends Op>(op: O, data: Commands[O]["request"], deadlineMs?: number): Promise<Commands[O]["reply"]> {
    const wire = this.#wire;
    if (!wire || !this.#isOpen) return Promise.reject(disconnected());
    return this.#inFlight.send(op, data, (text) => wire.send(text), deadlineMs);
  }

  /** The network or the tab woke up: reconnect now, or make sure that the connection is alive. */
  wake(): void {
    if (!this.#isWanted) return;
    if (this.takesCommands) void this.#probe(3_000);
    else if (this.#isOpen) this.#sideDoor.wake();
    else if (this.#state === "offline") {
      clearTimeout(this.#retryTimer);
      void this.#connect(false);
    }
  }

  async #connect(refreshFirst: boolean): Promise<void> {
    this.#enter("connecting");
    let token: string;
    try {
      token = await (refreshFirst ? this.#options.tokens.refresh() : this.#options.tokens.fresh());
    } catch (error) {
      if (error instanceof CommandError && !error.isRetryable) this.stop();
      else if (this.#isWanted) this.#onLost(LOST);
      return;
    }
    if (!this.#isWanted || this.#wire) return;
    const { openStream, streamUrl } = this.#options;
    this.#take(this.#door === "socket" ? this.#openSocket(token) : openStream(streamUrl, token, this.positions()));
  }

  #openSocket(token: string): Wire {
    return this.#options.openSocket(this.#options.url, ["chatcraft.v1", `bearer.${token}`]);
  }

  #take(wire: Wire): void {
    this.#wire = wire;
    this.#hasOpened = false;
    this.#drainMs = null;
    wire.onmessage = ({ data }: { data: unknown }) => this.#onText(String(data));
    wire.onclose = ({ code }: { code: number }) => this.#onLost(code);
    this.#handshakeTimer = setTimeout(() => this.#onLost(LOST), HANDSHAKE_DEADLINE_MS);
  }

  /** A WebSocket got through at last: it takes over from the stream, with a sync from where that one stood. */
  #changeOver(wire: Wire, text: string): void {
    this.#release();
    this.#door = "socket";
    this.#take(wire);
    this.#onText(text);
  }

  #onText(text: string): void {
    this.#heardAtMs = Date.now();
    const frame = parseFrame(text);
    if (!frame) return;
    if (isReply(frame)) this.#inFlight.settle(frame);
    else if (frame.ev === "ready") void this.#onReadyFrame(frame.d);
    else if (frame.ev === "draining") this.#drainMs = frame.d.retry_after_ms;
    else this.onFrame(frame);
  }

  async #onReadyFrame(ready: Events["ready"]): Promise<void> {
    const wire = this.#wire;
    this.#hasOpened = true;
    clearTimeout(this.#handshakeTimer);
    if (this.#door === "stream") this.#sideDoor.start();
    else {
      this.#failedHandshakes = 0;
      this.#silenceTimer = setInterval(() => this.#onSilenceTick(), SILENCE_MS);
    }
    this.#enter("syncing");
    try {
      await this.onReady(ready);
    } catch (error) {
      if (!(error instanceof CommandError)) console.error(error);
      if (wire === this.#wire) this.#onLost(LOST);
      return;
    }
    if (wire !== this.#wire) return;
    this.#attempt = 0;
    this.#enter("live");
  }

  #onSilenceTick(): void {
    if (Date.now() - this.#heardAtMs >= SILENCE_MS) void this.#probe(10_000);
  }

  /** Any answer will do, a refusal too. */
  async #probe(deadlineMs: number): Promise<void> {
    const wire = this.#wire;
    const askedAtMs = Date.now();
    try {
      await this.call("presence.unwatch", { user_ids: [] }, deadlineMs);
    } catch {
      if (wire === this.#wire && this.#heardAtMs < askedAtMs) this.#onLost(LOST);
    }
  }

  #onLost(code: number): void {
    if (!this.#isWanted) return;
    const next = this.#wire ? this.#chooseDoor() : this.#door;
    const isFallingBack = next === "stream" && this.#door === "socket";
    this.#release();
    const plan = planAfterClose(code, this.#attempt, this.#drainMs, this.#options.random);
    this.#door = next;
    this.#enter("offline");
    if (plan.kind === "stop") {
      this.#isWanted = false;
      this.onStop(plan.reason);
      return;
    }
    if (!isFallingBack) this.#attempt += 1;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => void this.#connect(plan.refreshFirst), isFallingBack ? 0 : plan.delayMs);
  }

  #chooseDoor(): Door {
    if (this.#door === "socket" && !this.#hasOpened) this.#failedHandshakes += 1;
    return doorAfterLoss(this.#door, this.#hasOpened, this.#failedHandshakes);
  }

  #release(): void {
    clearTimeout(this.#handshakeTimer);
    clearInterval(this.#silenceTimer);
    this.#sideDoor.stop();
    const wire = this.#wire;
    this.#wire = null;
    if (wire) {
      wire.onmessage = null;
      wire.onclose = null;
      wire.close();
    }
    this.#inFlight.abandon();
  }

  #enter(state: SocketState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.onState(state);
  }
}
