// One REST call: fetch, the error shape, nothing else. Used by session.ts and api.ts.
import type { Commands, ErrorBody, Op } from "./contract.gen";
import { CommandError, disconnected, fromBody } from "./errors";
import { buildRequest } from "./http_request";

const TIMEOUT_MS = 15_000;

/** Call a command over REST. Raises CommandError; a network failure is `disconnected`. */
export async function callHttp<O extends Op>(
  op: O,
  data: Commands[O]["request"],
  accessToken: string | null,
): Promise<Commands[O]["reply"]> {
  const { method, url, body } = buildRequest(op, data as unknown as Record<string, unknown>);
  const headers: Record<string, string> = { "X-Chat-Client": "web" };
  if (body !== null) headers["Content-Type"] = "application/json";
  if (accessToken) headers.Authorization = `Bearer ${accessToken}`;
  let response: Response;
  let reply: unknown;
  try {
    response = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) });
    reply = await response.json();
  } catch {
    throw disconnected();
  }
  if (response.ok) return reply as Commands[O]["reply"];
  const error = (reply as { error?: ErrorBody }).error;
  throw error ? fromBody(error) : new CommandError("internal", `The server answered ${response.status}.`);
}
