import { describe, expect, test } from "vitest";
import { Arrival } from "../../src/store/arrival";
import { fakeApi, refusal } from "../fake_api";

const TERMS = { kind: "terms", version: "2", url: "https://example.org/terms" };
const AGE = { kind: "age", version: "16", url: null };
const LINK = { token: "l", provider: "Corp", email: "anna@corp.example" };

describe("what somebody who has signed in is asked", () => {
  test("nothing where nothing is due, and where the server cannot tell", async () => {
    const arrival = new Arrival(fakeApi({ "consents.list": [{ consents: [], due: [] }, refusal("disconnected")] }));
    await arrival.askWhatIsDue();
    await arrival.askWhatIsDue();
    expect(arrival.hasWords.value).toBe(false);
  });

  test("each thing that is due is accepted in the version that was shown", async () => {
    const api = fakeApi({ "consents.list": { due: [TERMS, AGE] }, "consents.accept": [{ due: [AGE] }, { due: [] }] });
    const arrival = new Arrival(api);
    await arrival.askWhatIsDue();
    expect(arrival.hasWords.value).toBe(true);
    await arrival.acceptAll();
    expect(api.call.mock.calls.slice(1)).toEqual([
      ["consents.accept", { kind: "terms", version: "2" }],
      ["consents.accept", { kind: "age", version: "16" }],
    ]);
    expect(arrival.hasWords.value).toBe(false);
  });

  test("what is refused stays due", async () => {
    const arrival = new Arrival(fakeApi({ "consents.list": { due: [TERMS] }, "consents.accept": refusal("conflict") }));
    await arrival.askWhatIsDue();
    await expect(arrival.acceptAll()).rejects.toMatchObject({ code: "conflict" });
    expect(arrival.due.value).toEqual([TERMS]);
  });

  test("after a recovery code, how many are left", async () => {
    const arrival = new Arrival(fakeApi({ "factors.list": { recovery_codes_left: 0 } }));
    await arrival.countRecoveryCodes();
    expect([arrival.codesLeft.value, arrival.hasWords.value]).toEqual([0, true]);
  });

  test("an account at a provider is connected once the owner says so", async () => {
    const api = fakeApi({ "identities.link": [refusal("forbidden"), { id: "i" }] });
    const arrival = new Arrival(api);
    arrival.link.value = LINK;
    await expect(arrival.connect(LINK)).rejects.toMatchObject({ code: "forbidden" });
    expect(arrival.link.value).toEqual(LINK);
    await arrival.connect(LINK);
    expect(api.call).toHaveBeenLastCalledWith("identities.link", { link_token: "l" });
    expect(arrival.hasWords.value).toBe(false);
  });
});
