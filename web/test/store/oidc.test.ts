import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Arrival } from "../../src/store/arrival";
import { PageLocation } from "../../src/store/location";
import { Oidc } from "../../src/store/oidc";
import { Registering } from "../../src/store/registering";
import { SigningIn } from "../../src/store/signing_in";
import { fakeApi, refusal, SIGNED_IN, TOKENS } from "../fake_api";

const CORP = { id: "corp", name: "Corp" };
const BEGUN = { authorization_url: "https://id.corp.example/authorize?state=s", state: "s", binding: "b" };
const ANSWER = { state: "s", code: "c", iss: "https://id.corp.example", error: null };
const PROOF = { state: "s", binding: "b", code: "c", iss: "https://id.corp.example" };

const adopt = vi.fn();
const go = vi.fn();

function begin(answers: Record<string, unknown>) {
  const api = fakeApi({ "auth.begin_oidc": BEGUN, ...answers });
  const account = { adopt, notice: signal<string | null>(null) };
  const place = new PageLocation();
  place.start();
  const signingIn = new SigningIn(api, account);
  const registering = new Registering(api, account, place);
  const stores = { account, place, signingIn, registering, arrival: new Arrival(api) };
  return { api, ...stores, oidc: new Oidc(api, stores, go) };
}

beforeEach(() => {
  sessionStorage.clear();
  adopt.mockReset();
  go.mockReset();
  history.replaceState(null, "", "/");
});
afterEach(() => history.replaceState(null, "", "/"));

describe("signing in at a provider", () => {
  test("leaves for the provider's page, and comes back signed in to where one was", async () => {
    history.replaceState(null, "", "/r/0198");
    const there = begin({});
    await there.oidc.begin(CORP);
    expect(go).toHaveBeenCalledExactlyOnceWith(BEGUN.authorization_url);

    // The page is another one by now: only what the tab keeps is left.
    history.replaceState(null, "", "/oidc/callback?code=c&state=s");
    const { api, oidc } = begin({ "auth.finish_oidc": SIGNED_IN });
    await oidc.finish(ANSWER);
    expect(api.call).toHaveBeenCalledExactlyOnceWith("auth.finish_oidc", PROOF);
    expect(adopt).toHaveBeenCalledExactlyOnceWith(TOKENS);
    expect(location.pathname).toBe("/r/0198");
  });

  test("who is signed in adds an account there, and is back where that was begun", async () => {
    history.replaceState(null, "", "/settings/security");
    await begin({ "identities.begin": BEGUN }).oidc.beginAdding(CORP);
    expect(go).toHaveBeenCalledExactlyOnceWith(BEGUN.authorization_url);

    history.replaceState(null, "", "/oidc/callback?code=c&state=s");
    const { api, oidc } = begin({ "identities.add": {} });
    await oidc.finish(ANSWER);
    expect(api.call).toHaveBeenCalledExactlyOnceWith("identities.add", PROOF);
    expect(adopt).not.toHaveBeenCalled();
    expect(location.pathname).toBe("/settings/security");
  });

  test("who is to show once more that it is them does so there, and is back where that was asked", async () => {
    history.replaceState(null, "", "/settings/security");
    const { api: left, oidc: leaving } = begin({ "auth.begin_step_up": BEGUN });
    await leaving.beginProving(CORP);
    expect(left.call).toHaveBeenCalledExactlyOnceWith("auth.begin_step_up", { provider_id: "corp" });
    expect(go).toHaveBeenCalledExactlyOnceWith(BEGUN.authorization_url);

    history.replaceState(null, "", "/oidc/callback?code=c&state=s");
    const { api, oidc } = begin({ "auth.step_up": {} });
    expect(await oidc.finish(ANSWER)).toBe("prove");
    expect(api.call).toHaveBeenCalledExactlyOnceWith("auth.step_up", { provider: PROOF });
    expect(adopt).not.toHaveBeenCalled();
    expect(location.pathname).toBe("/settings/security");
  });

  test("an answer counts once, and only where it was begun", async () => {
    const { api, oidc } = begin({ "auth.finish_oidc": SIGNED_IN });
    await expect(oidc.finish(ANSWER)).rejects.toMatchObject({ code: "forbidden" });
    await oidc.begin(CORP);
    await expect(oidc.finish({ ...ANSWER, state: "other" })).rejects.toMatchObject({ code: "forbidden" });
    await expect(oidc.finish(ANSWER)).rejects.toMatchObject({ code: "forbidden" });
    expect(api.call).not.toHaveBeenCalledWith("auth.finish_oidc", expect.anything());
  });

  test("who was turned away there is told so", async () => {
    const { oidc } = begin({});
    await oidc.begin(CORP);
    const denied = { state: null, code: null, iss: null, error: "access_denied" };
    await expect(oidc.finish(denied)).rejects.toThrow("Corp did not sign you in");
  });

  test("where a second factor is due, the second step opens", async () => {
    const { oidc, signingIn, place } = begin({ "auth.finish_oidc": { mfa_token: "mfa", methods: ["totp"] } });
    await oidc.begin(CORP);
    await oidc.finish(ANSWER);
    expect(signingIn.step.value).toEqual({ token: "mfa", methods: ["totp"] });
    expect(place.page.value.kind).toBe("app");
    signingIn.close();
  });

  test("where an account has the address, one signs in to it first and connects then", async () => {
    const { oidc, arrival, account } = begin({ "auth.finish_oidc": { link_token: "l", link_hint: "anna@corp.example" } });
    await oidc.begin(CORP);
    await oidc.finish(ANSWER);
    expect(adopt).not.toHaveBeenCalled();
    expect(arrival.link.value).toEqual({ token: "l", provider: "Corp", email: "anna@corp.example" });
    expect(account.notice.value).toContain("anna@corp.example");
  });

  test("who has no account yet chooses a name, and the token of the registration goes with it", async () => {
    const suggested = { username: "anna", display_name: "Anna", email: "anna@corp.example" };
    const { api, oidc, place } = begin({
      "auth.finish_oidc": { registration_token: "r", suggested },
      "auth.register_oidc": [refusal("conflict", { fields: [{ path: "username", problem: "is taken" }] }), SIGNED_IN],
    });
    await oidc.begin(CORP);
    await oidc.finish(ANSWER);
    expect(place.page.value.kind).toBe("register");
    expect(oidc.newcomer.value).toEqual({ token: "r", provider: "Corp", suggested });
    await expect(oidc.register({ username: "anna" })).rejects.toMatchObject({ code: "conflict" });
    await oidc.register({ username: "anna2" });
    expect(api.call).toHaveBeenLastCalledWith("auth.register_oidc", { registration_token: "r", username: "anna2" });
    expect(adopt).toHaveBeenCalledOnce();
    expect(oidc.newcomer.value).toBeNull();
  });
});
