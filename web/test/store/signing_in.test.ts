import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SigningIn } from "../../src/store/signing_in";
import { fakeApi, refusal, SIGNED_IN, TOKENS } from "../fake_api";

const DUE = { mfa_token: "mfa", methods: ["totp", "recovery_code", "passkey"] };
const CHALLENGE = { challenge_id: "c", options: {} };

const adopt = vi.fn();
const notice = signal<string | null>(null);
const get = vi.fn();

const begin = (answers: Record<string, unknown>) => {
  const api = fakeApi(answers);
  return { api, signingIn: new SigningIn(api, { adopt, notice }) };
};

beforeEach(() => {
  vi.useFakeTimers();
  adopt.mockReset();
  get.mockReset();
  notice.value = null;
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("PublicKeyCredential", class {
    static parseCreationOptionsFromJSON = (options: object) => options;
    static parseRequestOptionsFromJSON = (options: object) => options;
    static isConditionalMediationAvailable = async () => true;
  });
  vi.stubGlobal("navigator", { credentials: { get } });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("signing in with a password", () => {
  test("gives the tokens where that is all", async () => {
    const { signingIn } = begin({ "auth.login": SIGNED_IN });
    await signingIn.byPassword("anna", "secret");
    expect(adopt).toHaveBeenCalledExactlyOnceWith(TOKENS);
    expect(signingIn.step.value).toBeNull();
  });

  test("opens the second step where it is not, and a code finishes that", async () => {
    const { api, signingIn } = begin({ "auth.login": DUE, "auth.login_totp": SIGNED_IN });
    const used = vi.fn();
    signingIn.onRecoveryCode = used;
    await signingIn.byPassword("anna", "secret");
    expect(adopt).not.toHaveBeenCalled();
    expect(signingIn.step.value).toEqual({ token: "mfa", methods: DUE.methods });
    await signingIn.byCode("123456", false);
    expect(api.call).toHaveBeenLastCalledWith("auth.login_totp", { mfa_token: "mfa", code: "123456" });
    expect(adopt).toHaveBeenCalledExactlyOnceWith(TOKENS);
    expect(signingIn.step.value).toBeNull();
    expect(used).not.toHaveBeenCalled();
  });

  test("tells that a recovery code was spent", async () => {
    const { signingIn } = begin({ "auth.login": DUE, "auth.login_totp": SIGNED_IN });
    const used = vi.fn();
    signingIn.onRecoveryCode = used;
    await signingIn.byPassword("anna", "secret");
    await signingIn.byCode("abcd-efgh", true);
    expect(used).toHaveBeenCalledOnce();
  });

  test("a wrong code leaves the step open", async () => {
    const { signingIn } = begin({ "auth.login": DUE, "auth.login_totp": refusal("mfa_failed") });
    await signingIn.byPassword("anna", "secret");
    await expect(signingIn.byCode("000000", false)).rejects.toMatchObject({ code: "mfa_failed" });
    expect(signingIn.step.value).not.toBeNull();
  });

  test("a step that the server has closed leads back, and says why", async () => {
    const { signingIn } = begin({ "auth.login": DUE, "auth.login_totp": refusal("unauthenticated") });
    await signingIn.byPassword("anna", "secret");
    await expect(signingIn.byCode("000000", false)).rejects.toMatchObject({ code: "unauthenticated" });
    expect(signingIn.step.value).toBeNull();
    expect(notice.value).toContain("sign in again");
  });

  test("a step ends by itself after five minutes, and not before", async () => {
    const { signingIn } = begin({ "auth.login": DUE });
    await signingIn.byPassword("anna", "secret");
    await vi.advanceTimersByTimeAsync(299_000);
    expect(signingIn.step.value).not.toBeNull();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(signingIn.step.value).toBeNull();
    expect(notice.value).toContain("too long");
  });

  test("a step that was left does not come back to say that it is over", async () => {
    const { signingIn } = begin({ "auth.login": DUE });
    await signingIn.byPassword("anna", "secret");
    signingIn.close();
    await vi.advanceTimersByTimeAsync(400_000);
    expect(notice.value).toBeNull();
  });
});

describe("signing in with a passkey", () => {
  const credential = { toJSON: () => ({ id: "k" }) };

  test("alone needs nothing else", async () => {
    const { api, signingIn } = begin({ "auth.passkey_options": CHALLENGE, "auth.login_passkey": SIGNED_IN });
    get.mockResolvedValueOnce(credential);
    await signingIn.byPasskey();
    expect(api.call.mock.calls).toEqual([
      ["auth.passkey_options", {}],
      ["auth.login_passkey", { challenge_id: "c", credential: { id: "k" } }],
    ]);
    expect(adopt).toHaveBeenCalledOnce();
  });

  test("as the second step carries the step's token both times", async () => {
    const { api, signingIn } = begin({
      "auth.login": DUE, "auth.passkey_options": CHALLENGE, "auth.login_passkey": SIGNED_IN,
    });
    get.mockResolvedValueOnce(credential);
    await signingIn.byPassword("anna", "secret");
    await signingIn.byPasskey();
    for (const [, data] of api.call.mock.calls.slice(1)) expect(data).toMatchObject({ mfa_token: "mfa" });
  });

  test("is offered by the browser itself, and one that is chosen there signs in", async () => {
    const { signingIn } = begin({ "auth.passkey_options": CHALLENGE, "auth.login_passkey": SIGNED_IN });
    get.mockResolvedValueOnce(credential);
    signingIn.offerPasskeys();
    await vi.advanceTimersByTimeAsync(0);
    expect(get).toHaveBeenCalledWith(expect.objectContaining({ mediation: "conditional" }));
    expect(adopt).toHaveBeenCalledOnce();
  });

  /** A browser that lists passkeys until it is told to stop. */
  const listUntilAborted = ({ signal: stop }: { signal: AbortSignal }) =>
    new Promise((_, reject) => {
      stop.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
    });

  test("stops being offered before the button asks for one: browsers do one at a time", async () => {
    const { signingIn } = begin({ "auth.passkey_options": CHALLENGE, "auth.login_passkey": SIGNED_IN });
    get.mockImplementationOnce(listUntilAborted).mockResolvedValueOnce(credential);
    signingIn.offerPasskeys();
    await vi.advanceTimersByTimeAsync(0);
    await signingIn.byPasskey();
    expect((get.mock.calls[0]![0] as { signal: AbortSignal }).signal.aborted).toBe(true);
    expect(adopt).toHaveBeenCalledOnce();
    expect(signingIn.offerError.value).toBeNull();
  });

  test("is offered with a new challenge before the old one has expired", async () => {
    const { api, signingIn } = begin({ "auth.passkey_options": CHALLENGE });
    get.mockImplementation(listUntilAborted);
    signingIn.offerPasskeys();
    await vi.advanceTimersByTimeAsync(299_000);
    expect(api.call).toHaveBeenCalledTimes(2);
    signingIn.stopOffering();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(api.call).toHaveBeenCalledTimes(2);
    expect(signingIn.offerError.value).toBeNull();
  });

  test("that the server does not know is said, and others are offered", async () => {
    const { signingIn } = begin({ "auth.passkey_options": CHALLENGE, "auth.login_passkey": refusal("unauthenticated") });
    get.mockResolvedValueOnce(credential).mockImplementation(listUntilAborted);
    signingIn.offerPasskeys();
    await vi.advanceTimersByTimeAsync(0);
    expect(signingIn.offerError.value).toMatchObject({ code: "unauthenticated" });
    expect(get).toHaveBeenCalledTimes(2);
    signingIn.stopOffering();
  });
});
