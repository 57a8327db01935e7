// The server for stores that only call commands: answers by name, in turn where there are several.
import { vi } from "vitest";
import type { Api } from "../src/net/api";
import { CommandError, type Code } from "../src/net/errors";

type Answers = Record<string, unknown>;

export function fakeApi(answers: Answers): Api & { call: ReturnType<typeof vi.fn> } {
  const call = vi.fn(async (op: string): Promise<unknown> => {
    if (!(op in answers)) throw new Error(`${op} was not expected`);
    const held = answers[op];
    const answer: unknown = Array.isArray(held) ? held.shift() : held;
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return { call } as never;
}

export function refusal(code: Code, details: Record<string, unknown> = {}): CommandError {
  return new CommandError(code, `said by the server: ${code}`, null, details);
}

export const TOKENS = { access_token: "token", expires_in_s: 900, refresh_token: null };
export const SIGNED_IN = { user: { id: "u" }, tokens: TOKENS };
