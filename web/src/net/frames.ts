// The frames that a server sends, as TypeScript sees them. Types and one parser; no state.
import type { ErrorBody, Events } from "./contract.gen";

/** One event or signal. `rev` and `epoch` stand on room events, `user_rev` on events to one user. */
export type Frame = {
  [E in keyof Events]: {
    ev: E;
    d: Events[E];
    room_id: string;
    epoch: number;
    rev: number;
    user_rev: number;
  };
}[keyof Events];

export type Reply = { ref: number; ok?: unknown; error?: ErrorBody };

/** Read one text frame; null for what is not ours. Unknown events come through: their `rev` counts. */
export function parseFrame(text: string): Frame | Reply | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return null;
    return "ref" in value || "ev" in value ? (value as Frame | Reply) : null;
  } catch {
    return null;
  }
}

export function isReply(frame: Frame | Reply): frame is Reply {
  return "ref" in frame;
}
