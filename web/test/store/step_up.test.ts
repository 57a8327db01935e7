// Proving once more who we are, between a client and a server that asks for it.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ServerApi } from "../../src/net/api";
import { StepUp } from "../../src/store/step_up";

const fetched = vi.fn<typeof fetch>();
const PATHS = { remove: "/api/v1/auth/factors/totp", prove: "/api/v1/auth/step_up", list: "/api/v1/auth/factors" };

let api: ServerApi;
let stepUp: StepUp;
let isProved: boolean;
let methods: string[] | undefined;

const answer = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status });
const refuse = (status: number, code: string, details: object = {}): Response =>
  answer(status, { error: { code, message: code, retry_after_ms: null, details } });
const count = (path: string): number => fetched.mock.calls.filter(([url]) => url === path).length;

function serve(url: unknown, init?: RequestInit): Response {
  if (url === PATHS.list) {
    return answer(200, { has_password: true, totp_since_at: null, recovery_codes_left: 0, passkeys: [] });
  }
  if (url === PATHS.prove) {
    isProved = (JSON.parse(init!.body as string) as { password: string }).password === "right";
    return isProved ? answer(200, {}) : refuse(401, "mfa_failed");
  }
  return isProved ? answer(200, {}) : refuse(403, "forbidden", { reason: "step_up", ...(methods && { methods }) });
}

beforeEach(() => {
  isProved = false;
  methods = ["password"];
  fetched.mockReset();
  fetched.mockImplementation(async (url, init) => serve(url, init));
  vi.stubGlobal("fetch", fetched);
  api = new ServerApi("http://test");
  api.session.adopt({ access_token: "token", expires_in_s: 1e6, refresh_token: null });
  stepUp = new StepUp(api);
});

afterEach(() => {
  api.session.forget();
  vi.unstubAllGlobals();
});

describe("a command that wants a fresh proof", () => {
  test("waits for it, and is sent once more", async () => {
    const removed = api.call("factors.remove_totp", {});
    await vi.waitUntil(() => stepUp.due.value !== null);
    expect(stepUp.due.value).toEqual(["password"]);
    await stepUp.byPassword("right");
    expect(await removed).toEqual({});
    expect(stepUp.due.value).toBeNull();
    expect([count(PATHS.remove), count(PATHS.prove)]).toEqual([2, 1]);
  });

  test("is not one of those that prove it", async () => {
    methods = ["totp"];
    await expect(api.call("auth.begin_step_up", { provider_id: "corp" })).rejects.toMatchObject({ code: "forbidden" });
    expect(stepUp.due.value).toBeNull();
  });

  test("goes on waiting after a wrong proof", async () => {
    const removed = api.call("factors.remove_totp", {});
    await vi.waitUntil(() => stepUp.due.value !== null);
    await expect(stepUp.byPassword("wrong")).rejects.toMatchObject({ code: "mfa_failed" });
    expect(stepUp.due.value).toEqual(["password"]);
    await stepUp.byPassword("right");
    expect(await removed).toEqual({});
  });

  test("fails where the user will not, and is not sent again", async () => {
    const removed = api.call("factors.remove_totp", {});
    await vi.waitUntil(() => stepUp.due.value !== null);
    stepUp.cancel();
    await expect(removed).rejects.toMatchObject({ code: "forbidden", details: {} });
    expect([stepUp.due.value, count(PATHS.remove)]).toEqual([null, 1]);
  });

  test("asks for one proof together with others that want it", async () => {
    const both = [api.call("factors.remove_totp", {}), api.call("factors.remove_totp", {})];
    await vi.waitUntil(() => count(PATHS.remove) === 2 && stepUp.due.value !== null);
    await stepUp.byPassword("right");
    expect(await Promise.all(both)).toEqual([{}, {}]);
    expect(count(PATHS.prove)).toBe(1);
  });

  test("is not sent a third time where the proof did not help", async () => {
    const removed = api.call("factors.remove_totp", {});
    await vi.waitUntil(() => stepUp.due.value !== null);
    const proved = stepUp.byPassword("right");
    fetched.mockImplementation(async (url) => (url === PATHS.prove ? answer(200, {}) : refuse(403, "forbidden", { reason: "step_up" })));
    await proved;
    await expect(removed).rejects.toMatchObject({ code: "forbidden", details: { reason: "step_up" } });
    expect(count(PATHS.remove)).toBe(2);
  });

  test("finds out by what it can be proved where the server does not say", async () => {
    methods = undefined;
    api.call("factors.remove_totp", {}).catch(() => {});
    await vi.waitUntil(() => stepUp.due.value !== null);
    expect(stepUp.due.value).toEqual(["password"]);
    stepUp.cancel();
  });

  test("another refusal is nobody's question", async () => {
    fetched.mockImplementation(async () => refuse(403, "forbidden"));
    await expect(api.call("factors.remove_totp", {})).rejects.toMatchObject({ code: "forbidden" });
    expect(stepUp.due.value).toBeNull();
  });
});
