// The two ways in: the WebSocket, and the stream for where something on the way blocks it. Pure.

export type Door = "socket" | "stream";

const BLOCKED_AFTER_FAILURES = 2;

/**
 * Which way to try next. `failures`: handshakes of the WebSocket in a row that led to nothing.
 * The stream follows such a failure at once: if plain HTTP gets through where the WebSocket did not, that one is
 * blocked; if neither does, the server is away, and the WebSocket is the first to be tried again.
 */
export function doorAfterLoss(door: Door, hadOpened: boolean, failures: number): Door {
  if (door === "stream") return hadOpened ? "stream" : "socket";
  return !hadOpened && failures >= BLOCKED_AFTER_FAILURES ? "stream" : "socket";
}
