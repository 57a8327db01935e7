import { beforeEach, describe, expect, test, vi } from "vitest";
import { PageLocation } from "../../src/store/location";
import { readInvitation, Registering } from "../../src/store/registering";
import { fakeApi, refusal, SIGNED_IN, TOKENS } from "../fake_api";

const POLICY = { registration: "open", terms_version: "1" };
const REQUEST = { username: "anna", password: "correct horse 9", email: "anna@example.org" };
const adopt = vi.fn();
let place: PageLocation;

const begin = (answers: Record<string, unknown>) => {
  const api = fakeApi(answers);
  return { api, registering: new Registering(api, { adopt }, place) };
};

beforeEach(() => {
  sessionStorage.clear();
  adopt.mockReset();
  place = new PageLocation();
  place.keepInvitation("inv1te");
});

describe("registering", () => {
  test("signs in, and the invitation has served", async () => {
    const { registering } = begin({ "auth.register": SIGNED_IN });
    await registering.register(REQUEST);
    expect(adopt).toHaveBeenCalledExactlyOnceWith(TOKENS);
    expect(place.invitation.value).toBeNull();
  });

  test("where it costs work, does that and asks once more", async () => {
    const due = refusal("forbidden", { reason: "proof_of_work", challenge: "chatcraft", bits: 12 });
    const { api, registering } = begin({ "auth.register": [due, SIGNED_IN] });
    await registering.register(REQUEST);
    expect(api.call).toHaveBeenLastCalledWith("auth.register", {
      ...REQUEST, proof_of_work: { challenge: "chatcraft", solution: "2577" },
    });
    expect(adopt).toHaveBeenCalledExactlyOnceWith(TOKENS);
  });

  test("work without end is not begun", async () => {
    const due = refusal("forbidden", { reason: "proof_of_work", challenge: "chatcraft", bits: 60 });
    const { registering } = begin({ "auth.register": due });
    await expect(registering.register(REQUEST)).rejects.toMatchObject({ code: "forbidden" });
  });

  test("where the address is to be verified first, says where the mail has gone", async () => {
    const { registering } = begin({ "auth.register": refusal("forbidden", { reason: "verify_email" }) });
    await registering.register(REQUEST);
    expect(registering.mailedTo.value).toBe("anna@example.org");
    expect(adopt).not.toHaveBeenCalled();
  });

  test("an invitation that is refused is not tried again", async () => {
    const { registering } = begin({ "auth.register": refusal("forbidden", { reason: "invitation" }) });
    await expect(registering.register(REQUEST)).rejects.toMatchObject({ code: "forbidden" });
    expect(place.invitation.value).toBeNull();
  });

  test("a name that is taken leaves the invitation for another try", async () => {
    const taken = refusal("conflict", { fields: [{ path: "username", problem: "is taken" }] });
    const { registering } = begin({ "auth.register": taken });
    await expect(registering.register(REQUEST)).rejects.toBe(taken);
    expect(place.invitation.value).toBe("inv1te");
  });

  test("terms that have changed meanwhile are fetched anew", async () => {
    const stale = refusal("invalid_input", { fields: [{ path: "accepts_terms", problem: "must be the version in force" }] });
    const { registering } = begin({ "auth.register": stale, "auth.get_policy": [POLICY, { ...POLICY, terms_version: "2" }] });
    await registering.loadPolicy();
    await expect(registering.register(REQUEST)).rejects.toBe(stale);
    expect(registering.policy.value).toMatchObject({ terms_version: "2" });
  });

  test("a policy that cannot be had is an error to show, until it can", async () => {
    const { registering } = begin({ "auth.get_policy": [refusal("disconnected"), POLICY] });
    await registering.loadPolicy();
    expect(registering.policyError.value).toMatchObject({ code: "disconnected" });
    await registering.loadPolicy();
    expect([registering.policyError.value, registering.policy.value]).toEqual([null, POLICY]);
  });
});

test("the policy is asked for once in the life of a page, and is there at once at the next visit", async () => {
  const { api, registering } = begin({ "auth.get_policy": POLICY });
  expect(registering.policy.value).toBeNull();
  registering.askPolicy();
  registering.askPolicy();
  await vi.waitFor(() => expect(registering.policy.value).toEqual(POLICY));
  expect(api.call).toHaveBeenCalledOnce();
  expect(begin({}).registering.policy.value).toEqual(POLICY);
});

test("an invitation may be pasted as its link or as its token", () => {
  expect(readInvitation(" https://chat.example.org/join#inv1te \n")).toBe("inv1te");
  expect(readInvitation("inv1te")).toBe("inv1te");
});
