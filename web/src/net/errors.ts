// What a refused or lost command looks like to its caller. Thrown by every call; knows no transport.
import type { ErrorBody } from "./contract.gen";

/**
 * Two are ours. `disconnected`: the answer was lost with its connection, so nobody knows whether it took effect.
 * `no_passkey`: the browser made or used none, see passkey.ts.
 */
export type Code = ErrorBody["code"] | "disconnected" | "no_passkey";

export class CommandError extends Error {
  override readonly name = "CommandError";

  constructor(
    readonly code: Code,
    message: string,
    readonly retryAfterMs: number | null = null,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** The same command, with the same id, may well succeed later. */
  get isRetryable(): boolean {
    return RETRYABLE.has(this.code);
  }

  /** Whether the command may have taken effect all the same. */
  get isUnknown(): boolean {
    return this.code === "disconnected" || this.code === "timeout" || this.code === "unavailable";
  }

  /** The first problem named for a field, for showing beside its input. */
  problemOf(path: string): string | undefined {
    const fields = this.details.fields;
    if (!Array.isArray(fields)) return undefined;
    return (fields as { path: string; problem: string }[]).find((field) => field.path === path)?.problem;
  }
}

const RETRYABLE = new Set<Code>(["disconnected", "rate_limited", "unavailable", "timeout", "internal"]);

export function fromBody(body: ErrorBody): CommandError {
  return new CommandError(body.code, body.message, body.retry_after_ms, body.details);
}

export function disconnected(): CommandError {
  return new CommandError("disconnected", "The connection was lost.");
}

export function asCommandError(error: unknown): CommandError {
  return error instanceof CommandError ? error : new CommandError("internal", String(error));
}
