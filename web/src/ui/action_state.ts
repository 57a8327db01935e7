// One asynchronous action of a form or button: busy, failed, done. Keeps the error beside what failed.
import { useRef, useState } from "preact/hooks";
import { asCommandError, type CommandError } from "../store/failure";

export interface Action {
  isBusy: boolean;
  error: CommandError | null;
  run: () => void;
}

/** A second `run` while the first is on its way does nothing. */
export function useAction(perform: () => Promise<void>): Action {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<CommandError | null>(null);
  const isRunning = useRef(false);
  const run = (): void => {
    if (isRunning.current) return;
    isRunning.current = true;
    setBusy(true);
    setError(null);
    perform()
      .catch((thrown: unknown) => setError(asCommandError(thrown)))
      .finally(() => {
        isRunning.current = false;
        setBusy(false);
      });
  };
  return { isBusy, error, run };
}

/** What to tell the user; field problems are shown at their fields instead. */
export function explain(error: CommandError, knownFields: readonly string[] = []): string | null {
  if (error.code === "disconnected") return "The server cannot be reached. Check your connection and try again.";
  if (error.code === "unavailable" || error.code === "timeout") return "The server is busy. Please try again.";
  if (error.code === "rate_limited") {
    const seconds = Math.ceil((error.retryAfterMs ?? 1000) / 1000);
    return `Too many attempts. Try again in ${seconds} ${seconds === 1 ? "second" : "seconds"}.`;
  }
  if (error.code === "invalid_input" && knownFields.some((field) => error.problemOf(field))) return null;
  return asSentence(error.message);
}

/** Servers write theirs for logs: small, and without a stop. */
export function asSentence(text: string): string {
  if (text === "") return "";
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? "" : "."}`;
}
