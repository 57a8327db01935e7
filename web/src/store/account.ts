// Who is signed in, here and in the other tabs: starting → signed out ⇄ signed in. Tells the client when that changes.
import { signal } from "@preact/signals";
import type { ServerApi } from "../net/api";
import type { Me, Tokens } from "../net/contract.gen";
import { asCommandError } from "../net/errors";
import { readClaims } from "../net/session";
import { delayMs } from "../net/backoff";
import { read, write } from "./storage";

export type Phase = "starting" | "signed_out" | "signed_in";

// Whether a refresh cookie is worth trying: the cookie itself is out of reach of scripts.
const SIGNED_IN_FLAG = "signed_in";

export class Account {
  readonly phase = signal<Phase>("starting");
  readonly me = signal<Me | null>(null);
  readonly userId = signal<string | null>(null);
  /** Why we are at the sign-in page, when it was not the user's own doing. */
  readonly notice = signal<string | null>(null);
  /** The server cannot be reached while starting. */
  readonly isStuck = signal(false);

  onSignedIn: (userId: string) => void = () => {};
  onSignedOut: () => Promise<void> = () => Promise.resolve();

  #channel: BroadcastChannel | null = null;

  constructor(private readonly api: ServerApi) {
    const adopted = api.session.onToken;
    api.session.onToken = (token) => {
      // The cookie is shared by all tabs: somebody else may have signed in over there.
      const userId = readClaims(token)?.userId;
      if (this.userId.peek() !== null && userId !== this.userId.peek()) location.reload();
      else adopted(token);
    };
    api.session.onEnded = () => void this.end("Your session has ended. Please sign in again.");
  }

  /** Stay signed in from last time, if we are; keeps trying while the server is away. */
  async start(): Promise<void> {
    this.#channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("chatcraft-account");
    if (this.#channel) this.#channel.onmessage = () => void this.end(null, false);
    if (read(SIGNED_IN_FLAG) === null) {
      this.phase.value = "signed_out";
      return;
    }
    for (let attempt = 0; ; attempt += 1) {
      try {
        this.#enter(await this.api.session.refresh());
        return;
      } catch (error) {
        if (!asCommandError(error).isRetryable) return;
        this.isStuck.value = true;
        await new Promise((resolve) => setTimeout(resolve, Math.max(500, delayMs(attempt, Math.random))));
      }
    }
  }

  async signOut(): Promise<void> {
    // Before the server closes the connections of this login: it would look as if somebody else had ended it.
    this.api.socket.stop();
    this.#channel?.postMessage("signed out");
    // Whatever the server says, this browser forgets; a login left over can be ended from another device.
    await this.api.call("auth.logout", {}).catch(() => {});
    await this.end(null);
  }

  /** Raises CommandError. */
  async update(change: { display_name?: string; bio?: string }): Promise<void> {
    this.me.value = await this.api.call("users.update_me", change);
  }

  /** The server's view of oneself has changed by another way. Raises CommandError. */
  async reload(): Promise<void> {
    this.me.value = await this.api.call("users.me", {});
  }

  /** Back to the sign-in page. */
  async end(notice: string | null, isOwnTab = true): Promise<void> {
    if (this.phase.peek() === "signed_out") return;
    this.api.socket.stop();
    this.api.session.forget();
    if (isOwnTab) write(SIGNED_IN_FLAG, null);
    this.phase.value = "signed_out";
    this.notice.value = notice;
    this.userId.value = this.me.value = null;
    await this.onSignedOut();
  }

  /** Signed in by now, whatever the way. */
  adopt(tokens: Tokens): void {
    this.api.session.adopt(tokens);
    this.#enter(tokens.access_token);
  }

  #enter(token: string): void {
    const claims = readClaims(token);
    if (!claims) return;
    write(SIGNED_IN_FLAG, "1");
    this.notice.value = null;
    this.isStuck.value = false;
    this.userId.value = claims.userId;
    this.phase.value = "signed_in";
    this.onSignedIn(claims.userId);
  }
}
