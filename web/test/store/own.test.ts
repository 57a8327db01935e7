// The stores of the settings against an auth service in memory.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CommandError } from "../../src/net/errors";
import { BotStore } from "../../src/store/own/bots";
import { nameDevice } from "../../src/store/own/device_name";
import { FactorStore } from "../../src/store/own/factors";
import { LoginStore } from "../../src/store/own/logins";
import { Resource } from "../../src/store/own/resource";
import { CODES, FakeAccount } from "../fake_account";

let account: FakeAccount;

beforeEach(() => (account = new FakeAccount()));
afterEach(() => vi.unstubAllGlobals());

describe("what is loaded for a page", () => {
  test("is what was asked for last, in whatever order the answers come", async () => {
    const answers: ((value: string) => void)[] = [];
    const resource = new Resource(() => new Promise<string>((resolve) => answers.push(resolve)));
    const loads = [resource.load(), resource.load()];
    answers[1]!("second");
    answers[0]!("first");
    await Promise.all(loads);
    expect(resource.value.value).toBe("second");
  });

  test("stays where a later try fails, with the error beside it, until a try succeeds", async () => {
    const ask = vi.fn<() => Promise<string>>();
    const resource = new Resource(ask);
    ask.mockResolvedValueOnce("here").mockRejectedValueOnce(new CommandError("unavailable", "away")).mockResolvedValueOnce("new");
    await resource.load();
    await resource.load();
    expect([resource.value.value, resource.error.value?.code]).toEqual(["here", "unavailable"]);
    await resource.load();
    expect([resource.value.value, resource.error.value]).toEqual(["new", null]);
  });

  test("does not come back after it was cleared", async () => {
    let answer = (_: string): void => {};
    const resource = new Resource(() => new Promise<string>((resolve) => (answer = resolve)));
    const load = resource.load();
    resource.clear();
    answer("of the user before");
    await load;
    expect(resource.value.value).toBeNull();
  });
});

describe("factors", () => {
  function stubBrowser(create: () => Promise<unknown>): void {
    vi.stubGlobal("isSecureContext", true);
    vi.stubGlobal("PublicKeyCredential", class {
      static parseCreationOptionsFromJSON = (options: object) => options;
    });
    vi.stubGlobal("navigator", { credentials: { create } });
  }

  test("a passkey that the browser has made is in the list, renamed, removed", async () => {
    stubBrowser(async () => ({ toJSON: () => ({ id: "credential" }) }));
    const store = new FactorStore(account);
    await store.addPasskey("Laptop");
    await store.renamePasskey("key-0", "Old laptop");
    expect(store.factors.value.value?.passkeys).toMatchObject([{ id: "key-0", name: "Old laptop" }]);
    await store.removePasskey("key-0");
    expect(store.factors.value.value?.passkeys).toEqual([]);
  });

  test("nothing is added where the person refuses", async () => {
    stubBrowser(() => Promise.reject(new DOMException("", "NotAllowedError")));
    const store = new FactorStore(account);
    await expect(store.addPasskey("Laptop")).rejects.toMatchObject({ trouble: "refused" });
    expect(account.asked).toEqual(["factors.begin_passkey"]);
  });

  test("the secret is kept over wrong codes, and gives way to the recovery codes with the right one", async () => {
    const store = new FactorStore(account);
    await store.beginTotp();
    await expect(store.confirmTotp("000000")).rejects.toMatchObject({ code: "mfa_failed" });
    expect(store.begun.value?.secret).toBe("SECRET");
    await store.confirmTotp("123456");
    expect([store.begun.value, store.codes.value]).toEqual([null, CODES]);
    expect(store.factors.value.value?.totp_since_at).not.toBeNull();
  });

  test("recovery codes are shown until they were kept, and not once they are void", async () => {
    const store = new FactorStore(account);
    await store.confirmTotp("123456");
    store.forgetCodes();
    expect(store.codes.value).toBeNull();
    await store.renewCodes();
    expect(store.codes.value).toEqual([...CODES].reverse());
    await store.removeTotp();
    expect([store.codes.value, store.factors.value.value?.totp_since_at]).toEqual([null, null]);
  });
});

describe("logins", () => {
  test("this device stands first, then what was used last", async () => {
    const store = new LoginStore(account);
    await store.logins.load();
    expect(store.logins.value.value?.map(({ id }) => id)).toEqual(["this", "newer", "old"]);
  });

  test("one ends, then all others, of which there is told how many", async () => {
    const store = new LoginStore(account);
    await store.end("old");
    expect(store.logins.value.value?.map(({ id }) => id)).toEqual(["this", "newer"]);
    expect(await store.endOthers()).toBe(1);
    expect(store.logins.value.value?.map(({ id }) => id)).toEqual(["this"]);
  });

  test.each([
    ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", "Chrome on Linux"],
    ["Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0", "Edge on Windows"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iOS"],
    ["chatcraft-client/0.1", "chatcraft-client"],
    ["<script>", "Unknown program"],
    [null, "Unknown program"],
  ])("%s is called %s", (userAgent, name) => {
    expect(nameDevice(userAgent)).toBe(name);
  });
});

describe("bots and tokens", () => {
  const WISH = { name: "script", scopes: ["read"], expires_in_days: null };

  test("the tokens of a bot and one's own are apart", async () => {
    const store = new BotStore(account);
    await store.createBot("helper", "Helper");
    await store.createToken("bot-helper", WISH);
    await store.createToken(null, { ...WISH, name: "mine" });
    expect(store.tokensOf("bot-helper").value.value).toMatchObject([{ name: "script", user_id: "bot-helper" }]);
    expect(store.tokensOf(null).value.value).toMatchObject([{ name: "mine", user_id: "me" }]);
    await store.revokeToken("bot-helper", "token-0");
    expect(store.tokensOf("bot-helper").value.value).toEqual([]);
    expect(store.tokensOf(null).value.value).toHaveLength(1);
  });

  test("a token is shown until it was kept", async () => {
    const store = new BotStore(account);
    await store.createToken(null, WISH);
    expect(store.made.value?.token.token).toBe("cct_secret");
    store.forgetMade();
    expect(store.made.value).toBeNull();
    expect(JSON.stringify(store.tokensOf(null).value.value)).not.toContain("cct_secret");
  });

  test("nothing is shown of a token that was refused", async () => {
    const store = new BotStore(account);
    account.failure = new CommandError("conflict", "too many");
    await expect(store.createToken(null, WISH)).rejects.toMatchObject({ code: "conflict" });
    expect(store.made.value).toBeNull();
  });
});
