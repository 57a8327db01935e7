// One connection that keeps coming back: offline → connecting → syncing → live. Tells its owner of frames and
// states through callbacks; knows tokens and close codes, but no rooms.
import { planAfterClose, type StopReason } from "./backoff";
import type { Commands, Events } from "./contract.gen";
import { CommandError, disconnected } from "./errors";
import { isReply, parseFrame, type Frame } from "./frames";
import { InFlight } from "./in_flight";
import type { Op } from "./routes";

export type SocketState = "offline" | "connecting" | "syncing" | "live";

export interface TokenSource {
  fresh(): Promise<string>;
  refresh(): Promise<string>;
}

export interface SocketOptions {
  url: string;
  tokens: TokenSource;
  open?: (url: string, protocols: string[]) => WebSocket;
  random?: () => number;
}

const HANDSHAKE_DEADLINE_MS = 15_000;
// A browser cannot see the server's pings; after this much silence we ask for a sign of life.
const SILENCE_MS = 30_000;
const LOST = 1006;

export class Socket {
  onState: (state: SocketState) => void = () => {};
  onFrame: (frame: Frame) => void = () => {};
  /** Bring the owner up to date; the connection is live once this resolves, dropped if it rejects. */
  onReady: (ready: Events["ready"]) => Promise<void> = () => Promise.resolve();
  onStop: (reason: StopReason) => void = () => {};

  #state: SocketState = "offline";
  #isWanted = false;
  #ws: WebSocket | null = null;
  #hasOpened = false;
  #attempt = 0;
  #failedHandshakes = 0;
  #drainMs: number | null = null;
  #heardAtMs = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #handshakeTimer: ReturnType<typeof setTimeout> | undefined;
  #silenceTimer: ReturnType<typeof setInterval> | undefined;
  readonly #inFlight = new InFlight();
  readonly #options: Required<SocketOptions>;

  constructor(options: SocketOptions) {
    this.#options = { open: (url, protocols) => new WebSocket(url, protocols), random: Math.random, ...options };
  }

  get state(): SocketState {
    return this.#state;
  }

  /** Whether commands can be written; `sync` itself goes out before the connection is live. */
  get isOpen(): boolean {
    return this.#state === "live" || this.#state === "syncing";
  }

  start(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    this.#attempt = 0;
    this.#failedHandshakes = 0;
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
    const ws = this.#ws;
    if (!ws || !this.isOpen) return Promise.reject(disconnected());
    return this.#inFlight.send(op, data, (text) => ws.send(text), deadlineMs);
  }

  /** The network or the tab woke up: reconnect now, or make sure that the connection is alive. */
  wake(): void {
    if (!this.#isWanted) return;
    if (this.isOpen) void this.#probe(3_000);
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
    if (!this.#isWanted || this.#ws) return;
    const ws = this.#options.open(this.#options.url, ["chatcraft.v1", `bearer.${token}`]);
    this.#ws = ws;
    this.#hasOpened = false;
    this.#drainMs = null;
    ws.onmessage = (event) => this.#onText(String(event.data));
    ws.onclose = (event) => this.#onLost(event.code);
    this.#handshakeTimer = setTimeout(() => this.#onLost(LOST), HANDSHAKE_DEADLINE_MS);
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
    const ws = this.#ws;
    this.#hasOpened = true;
    this.#failedHandshakes = 0;
    clearTimeout(this.#handshakeTimer);
    this.#silenceTimer = setInterval(() => this.#onSilenceTick(), SILENCE_MS);
    this.#enter("syncing");
    try {
      await this.onReady(ready);
    } catch (error) {
      if (!(error instanceof CommandError)) console.error(error);
      if (ws === this.#ws) this.#onLost(LOST);
      return;
    }
    if (ws !== this.#ws) return;
    this.#attempt = 0;
    this.#enter("live");
  }

  #onSilenceTick(): void {
    if (Date.now() - this.#heardAtMs >= SILENCE_MS) void this.#probe(10_000);
  }

  /** Any answer will do, a refusal too. */
  async #probe(deadlineMs: number): Promise<void> {
    const ws = this.#ws;
    const askedAtMs = Date.now();
    try {
      await this.call("presence.unwatch", { user_ids: [] }, deadlineMs);
    } catch {
      if (ws === this.#ws && this.#heardAtMs < askedAtMs) this.#onLost(LOST);
    }
  }

  #onLost(code: number): void {
    if (!this.#isWanted) return;
    if (!this.#hasOpened && this.#ws) this.#failedHandshakes += 1;
    this.#release();
    const plan = planAfterClose(code, this.#attempt, this.#drainMs, this.#failedHandshakes, this.#options.random);
    this.#attempt += 1;
    this.#enter("offline");
    if (plan.kind === "stop") {
      this.#isWanted = false;
      this.onStop(plan.reason);
      return;
    }
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => void this.#connect(plan.refreshFirst), plan.delayMs);
  }

  #release(): void {
    clearTimeout(this.#handshakeTimer);
    clearInterval(this.#silenceTimer);
    const ws = this.#ws;
    this.#ws = null;
    if (ws) {
      ws.onmessage = null;
      ws.onclose = null;
      ws.close();
    }
    this.#inFlight.abandon();
  }

  #enter(state: SocketState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.onState(state);
  }
}
