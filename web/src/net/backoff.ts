// When to try again. Pure: given counters, codes and a random number, returns a plan.

export const FIRST_DELAY_MS = 500;
export const LONGEST_DELAY_MS = 30_000;

/** Full jitter: anywhere between zero and the doubling ceiling, so that cut clients do not come back at once. */
export function delayMs(attempt: number, random: () => number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 10));
  return Math.round(ceiling * random());
}

/** Why a connection will not be opened again by itself. */
export type StopReason = "login_ended" | "protocol_violation" | "too_many_connections" | "deactivated";

export type AfterClose =
  | { kind: "reconnect"; delayMs: number; refreshFirst: boolean }
  | { kind: "stop"; reason: StopReason };

const STOPS: Record<number, StopReason> = {
  4500: "login_ended",
  4501: "protocol_violation",
  4502: "too_many_connections",
  4503: "deactivated",
};

const DRAINING = 1012;
const TOKEN_EXPIRED = 4003;

/**
 * What a close code asks for.
 * A handshake refused with 401 reaches a browser as a plain failure to open: the stream, tried after the second one
 * in a row, can tell, and says 4003.
 */
export function planAfterClose(code: number, attempt: number, drainMs: number | null, random: () => number): AfterClose {
  if (code >= 4500 && code <= 4999) return { kind: "stop", reason: STOPS[code] ?? "protocol_violation" };
  if (code === DRAINING) {
    return { kind: "reconnect", delayMs: Math.round((drainMs ?? FIRST_DELAY_MS * 2) * random()), refreshFirst: false };
  }
  if (code === TOKEN_EXPIRED && attempt === 0) return { kind: "reconnect", delayMs: 0, refreshFirst: true };
  return {
    kind: "reconnect",
    delayMs: delayMs(attempt, random),
    refreshFirst: code === TOKEN_EXPIRED,
  };
}
