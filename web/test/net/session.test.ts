import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readClaims, Session } from "../../src/net/session";

const fetched = vi.fn<typeof fetch>();
const tokens = (name: string) => ({ access_token: name, expires_in_s: 900, refresh_token: null });
const answer = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status });
const refusal = { error: { code: "unauthenticated", message: "no", retry_after_ms: null, details: {} } };

let session: Session;

beforeEach(() => {
  vi.useFakeTimers();
  fetched.mockReset();
  vi.stubGlobal("fetch", fetched);
  session = new Session();
});

afterEach(() => {
  session.forget();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the session", () => {
  test("refreshes once for all who ask at the same time, with the header that the cookie needs", async () => {
    fetched.mockResolvedValueOnce(answer(200, { tokens: tokens("one") }));
    expect(await Promise.all([session.refresh(), session.refresh(), session.fresh()])).toEqual(["one", "one", "one"]);
    expect(fetched).toHaveBeenCalledOnce();
    expect(fetched.mock.calls[0]![1]!.headers).toMatchObject({ "X-Chat-Client": "web" });
  });

  test("renews a token a minute before it ends, and tells of it", async () => {
    const told: string[] = [];
    session.onToken = (token) => told.push(token);
    session.adopt(tokens("one"));
    fetched.mockResolvedValueOnce(answer(200, { tokens: tokens("two") }));
    await vi.advanceTimersByTimeAsync(841_000);
    expect(told).toEqual(["one", "two"]);
  });

  test("ends when the cookie is refused", async () => {
    const ended = vi.fn();
    session.onEnded = ended;
    fetched.mockResolvedValueOnce(answer(401, refusal));
    await expect(session.refresh()).rejects.toMatchObject({ code: "unauthenticated" });
    expect(ended).toHaveBeenCalledOnce();
  });

  test("does not end because the server is away", async () => {
    const ended = vi.fn();
    session.onEnded = ended;
    fetched.mockRejectedValueOnce(new TypeError("network"));
    await expect(session.refresh()).rejects.toMatchObject({ code: "disconnected" });
    expect(ended).not.toHaveBeenCalled();
  });

  test("a token that arrives after sign-out is dropped", async () => {
    let arrive = (_: Response): void => {};
    fetched.mockReturnValueOnce(new Promise((resolve) => (arrive = resolve)));
    const refreshed = expect(session.refresh()).rejects.toMatchObject({ code: "unauthenticated" });
    session.forget();
    arrive(answer(200, { tokens: tokens("late") }));
    await refreshed;
    expect(session.token).toBeNull();
  });

  test("reads who a token speaks for, and null from nonsense", () => {
    const payload = btoa(JSON.stringify({ sub: "u", sid: "l" })).replaceAll("=", "");
    expect(readClaims(`h.${payload}.s`)).toEqual({ userId: "u", loginId: "l" });
    expect(readClaims("nonsense")).toBeNull();
  });
});
