import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { canPasskeys, makePasskey, PasskeyError, provePasskey } from "../../src/net/passkey";

const create = vi.fn();
const get = vi.fn();

beforeEach(() => {
  create.mockReset();
  get.mockReset();
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("PublicKeyCredential", class {
    static parseCreationOptionsFromJSON = (options: object) => ({ parsed: "creation", ...options });
    static parseRequestOptionsFromJSON = (options: object) => ({ parsed: "request", ...options });
  });
  vi.stubGlobal("navigator", { credentials: { create, get } });
});

afterEach(() => vi.unstubAllGlobals());

const made = { toJSON: () => ({ id: "made" }) };
const failure = async (promise: Promise<unknown>): Promise<PasskeyError> => {
  const error: unknown = await promise.then(() => null, (thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PasskeyError);
  return error as PasskeyError;
};

describe("passkeys in the browser", () => {
  test("options go in as the server sent them, and what the browser made comes out as JSON", async () => {
    create.mockResolvedValueOnce(made);
    expect(await makePasskey({ challenge: "c" })).toEqual({ id: "made" });
    expect(create).toHaveBeenCalledWith({ publicKey: { parsed: "creation", challenge: "c" } });
    get.mockResolvedValueOnce(made);
    expect(await provePasskey({ challenge: "d" }, { mediation: "conditional" })).toEqual({ id: "made" });
    expect(get).toHaveBeenCalledWith({ mediation: "conditional", publicKey: { parsed: "request", challenge: "d" } });
  });

  test.each([
    ["NotAllowedError", "refused"],
    ["AbortError", "refused"],
    ["SecurityError", "not_this_origin"],
    ["InvalidStateError", "already_there"],
    ["NotSupportedError", "not_supported"],
    ["ConstraintError", "not_supported"],
  ])("%s of the browser is told as %s", async (name, trouble) => {
    create.mockRejectedValueOnce(new DOMException("", name));
    const error = await failure(makePasskey({}));
    expect(error).toMatchObject({ code: "no_passkey", trouble, isRetryable: false });
    expect(error.message).not.toBe("");
  });

  test("a browser that answers nothing has refused", async () => {
    get.mockResolvedValueOnce(null);
    expect((await failure(provePasskey({}))).trouble).toBe("refused");
  });

  test("a browser without passkeys is told apart from an address without them", async () => {
    vi.stubGlobal("PublicKeyCredential", undefined);
    expect(canPasskeys()).toBe(false);
    expect((await failure(makePasskey({}))).trouble).toBe("not_supported");
    vi.stubGlobal("isSecureContext", false);
    expect((await failure(makePasskey({}))).trouble).toBe("not_this_origin");
  });
});
