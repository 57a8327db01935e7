// By which door a command leaves, and whether a token goes along: as the registry says, not by a list kept here.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ServerApi } from "../../src/net/api";
import { publicOps, restOnlyOps, type Op } from "../../src/net/contract.gen";

const fetched = vi.fn<typeof fetch>();
const onSocket = vi.fn();
let api: ServerApi;

const headersOf = (call: number): Record<string, string> => fetched.mock.calls[call]![1]!.headers as Record<string, string>;

beforeEach(() => {
  fetched.mockReset().mockImplementation(() => Promise.resolve(new Response("{}")));
  onSocket.mockReset().mockResolvedValue({});
  vi.stubGlobal("fetch", fetched);
  api = new ServerApi("http://test");
  api.session.adopt({ access_token: "mine", expires_in_s: 900, refresh_token: null });
  vi.spyOn(api.socket, "takesCommands", "get").mockReturnValue(true);
  vi.spyOn(api.socket, "call").mockImplementation(onSocket);
});

afterEach(() => {
  api.session.forget();
  vi.unstubAllGlobals();
});

describe("while the socket takes commands", () => {
  test("what anybody may call goes over REST, and the token stays here", async () => {
    expect(publicOps.size).toBeGreaterThan(5);
    for (const op of publicOps) await api.call(op, {} as never);
    expect(onSocket).not.toHaveBeenCalled();
    expect(fetched).toHaveBeenCalledTimes(publicOps.size);
    for (let call = 0; call < publicOps.size; call += 1) expect(headersOf(call)).not.toHaveProperty("Authorization");
  });

  test("what the socket does not take goes over REST with the token", async () => {
    const ops = [...restOnlyOps].filter((op) => !publicOps.has(op));
    expect(ops.length).toBeGreaterThan(3);
    for (const op of ops) await api.call(op, { user_id: "u" } as never);
    expect(onSocket).not.toHaveBeenCalled();
    for (let call = 0; call < ops.length; call += 1) expect(headersOf(call).Authorization).toBe("Bearer mine");
  });

  test("the end of a login goes over REST, for only that ends the cookie", async () => {
    await api.call("auth.logout", {});
    expect(fetched).toHaveBeenCalledOnce();
    expect(headersOf(0).Authorization).toBe("Bearer mine");
  });

  test("all else goes by the socket", async () => {
    for (const op of ["users.me", "rooms.list", "consents.list"] satisfies Op[]) await api.call(op, {} as never);
    expect(onSocket).toHaveBeenCalledTimes(3);
    expect(fetched).not.toHaveBeenCalled();
  });
});
