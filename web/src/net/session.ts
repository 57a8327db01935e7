// Holds the access token (in memory only) and renews it through the refresh cookie. Used by the socket and api.ts;
// knows no store: it tells of changes through callbacks.
import { CommandError } from "./errors";
import { callHttp } from "./http";
import type { Tokens } from "./contract.gen";

const REFRESH_LOCK = "chatcraft-refresh";
const SPARE_MS = 60_000;

export type Claims = { userId: string; loginId: string };

/** Read who a token speaks for. Nothing is verified: the server does that. */
export function readClaims(accessToken: string): Claims | null {
  try {
    const payload = accessToken.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
    const { sub, sid } = JSON.parse(atob(payload)) as { sub: string; sid: string };
    return { userId: sub, loginId: sid };
  } catch {
    return null;
  }
}

export class Session {
  /** Called with each new token, also the first. */
  onToken: (token: string) => void = () => {};
  /** The refresh cookie is gone, spent or refused: sign in again. */
  onEnded: () => void = () => {};

  #token: string | null = null;
  #expiresAtMs = 0;
  #refreshing: Promise<string> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #generation = 0;

  get token(): string | null {
    return this.#token;
  }

  adopt(tokens: Tokens): void {
    this.#token = tokens.access_token;
    this.#expiresAtMs = Date.now() + tokens.expires_in_s * 1000;
    clearTimeout(this.#timer);
    // A minute early, spread over ten seconds; half the lifetime when tokens are very short.
    const early = Math.min(SPARE_MS + Math.random() * 10_000, (tokens.expires_in_s * 1000) / 2);
    this.#timer = setTimeout(() => void this.refresh().catch(() => {}), this.#expiresAtMs - Date.now() - early);
    this.onToken(tokens.access_token);
  }

  forget(): void {
    this.#generation += 1;
    this.#token = null;
    this.#refreshing = null;
    clearTimeout(this.#timer);
  }

  /** A token that is good for some seconds more. Raises CommandError. */
  async fresh(): Promise<string> {
    if (this.#token && this.#expiresAtMs - Date.now() > 5_000) return this.#token;
    return this.refresh();
  }

  /** Rotate the refresh token: once at a time in this tab, and one tab after the other. */
  refresh(): Promise<string> {
    this.#refreshing ??= this.#rotate().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  async #rotate(): Promise<string> {
    const generation = this.#generation;
    try {
      const { tokens } = await withLock(() => callHttp("auth.refresh", {}, null));
      if (generation !== this.#generation) throw new CommandError("unauthenticated", "Signed out meanwhile.");
      this.adopt(tokens);
      return tokens.access_token;
    } catch (error) {
      const isRefused = error instanceof CommandError && !error.isRetryable;
      if (isRefused && generation === this.#generation) {
        this.forget();
        this.onEnded();
      }
      throw error;
    }
  }
}

function withLock<T>(run: () => Promise<T>): Promise<T> {
  if (!navigator.locks) return run();
  return navigator.locks.request(REFRESH_LOCK, run) as Promise<T>;
}
