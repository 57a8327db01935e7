// Exports and the end of an account, between a client and a server that answers over REST.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ServerApi } from "../../src/net/api";
import type { Erasure, Export } from "../../src/net/contract.gen";
import { Account } from "../../src/store/account";
import { Farewell } from "../../src/store/farewell";
import { PrivacyStore } from "../../src/store/own/privacy";

const fetched = vi.fn<typeof fetch>();
const answer = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status });
const refuse = (status: number, code: string): Response =>
  answer(status, { error: { code, message: code, retry_after_ms: null, details: {} } });

const EXPORT: Export = {
  id: "export", state: "waiting", requested_at: "2026-01-31T12:00:00.000Z", ready_at: null, expires_at: null, size_bytes: null,
};
const ERASURE: Erasure = {
  id: "erasure", state: "waiting", messages: "erase", requested_at: EXPORT.requested_at, finished_at: null, steps: [],
};

let api: ServerApi;
let account: Account;
let farewell: Farewell;
let store: PrivacyStore;

beforeEach(() => {
  vi.useFakeTimers();
  fetched.mockReset();
  vi.stubGlobal("fetch", fetched);
  api = new ServerApi("http://test");
  api.session.adopt({ access_token: "mine", expires_in_s: 1e5, refresh_token: null });
  account = new Account(api);
  account.phase.value = "signed_in";
  farewell = new Farewell(api, account);
  store = new PrivacyStore(api, farewell);
});

afterEach(() => {
  farewell.forget();
  api.session.forget();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("what is accepted is no longer due, by the answer alone", async () => {
  const due = { kind: "terms", version: "2", url: null } as const;
  fetched.mockResolvedValueOnce(answer(200, { consents: [], due: [due] }));
  await store.consents.load();
  expect(store.consents.value.value?.due).toEqual([due]);
  const accepted = { kind: "terms", version: "2", accepted_at: EXPORT.requested_at };
  fetched.mockResolvedValueOnce(answer(200, { consents: [accepted], due: [] }));
  await store.accept("terms", "2");
  expect(fetched.mock.lastCall![1]!.body).toBe('{"kind":"terms","version":"2"}');
  expect(store.consents.value.value).toEqual({ consents: [accepted], due: [] });
});

describe("exports", () => {
  test("one that becomes ready takes the place of the one that waited, and is told of", async () => {
    const older = { ...EXPORT, id: "older", requested_at: "2026-01-01T12:00:00.000Z" };
    fetched.mockResolvedValueOnce(answer(200, { exports: [EXPORT, older] }));
    await store.exports.load();
    store.onReady = vi.fn();
    store.onExport({ ...EXPORT, state: "ready" });
    expect(store.exports.value.value?.map(({ id, state }) => [id, state])).toEqual([["export", "ready"], ["older", "waiting"]]);
    expect(store.onReady).toHaveBeenCalledOnce();
  });

  test("one that is told of before anybody looked is not half a list", () => {
    store.onExport({ ...EXPORT, state: "ready" });
    expect(store.exports.value.value).toBeNull();
  });
});

describe("a download", () => {
  const written: Uint8Array[] = [];
  const toDisk = (): FileSystemFileHandle =>
    ({ createWritable: async () => new WritableStream({ write: (chunk) => void written.push(chunk) }) }) as unknown as FileSystemFileHandle;

  beforeEach(() => (written.length = 0));

  test("goes to the file that the person chooses, with the token", async () => {
    const choose = vi.fn(async () => toDisk());
    vi.stubGlobal("showSaveFilePicker", choose);
    fetched.mockResolvedValueOnce(new Response("zip"));
    expect(await store.downloadExport(EXPORT)).toBe(true);
    expect(choose).toHaveBeenCalledWith({ suggestedName: "chatcraft-export-2026-01-31.zip" });
    expect(fetched.mock.calls[0]).toMatchObject(["/files/exports/export", { headers: { Authorization: "Bearer mine" } }]);
    expect(new TextDecoder().decode(written[0])).toBe("zip");
  });

  test("is not begun where the person would rather not", async () => {
    vi.stubGlobal("showSaveFilePicker", () => Promise.reject(new DOMException("", "AbortError")));
    expect(await store.downloadExport(EXPORT)).toBe(false);
    expect(fetched).not.toHaveBeenCalled();
  });

  test("lands among the downloads where a browser lets nobody choose", async () => {
    vi.stubGlobal("showSaveFilePicker", undefined);
    vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:made");
    const clicked = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => {});
    fetched.mockResolvedValueOnce(new Response("zip"));
    expect(await store.downloadExport(EXPORT)).toBe(true);
    expect(clicked).toHaveBeenCalledOnce();
  });

  test("says why it failed", async () => {
    vi.stubGlobal("showSaveFilePicker", undefined);
    fetched.mockResolvedValueOnce(refuse(404, "not_found"));
    await expect(store.downloadExport(EXPORT)).rejects.toMatchObject({ code: "not_found" });
    fetched.mockRejectedValueOnce(new TypeError("network"));
    await expect(store.downloadExport(EXPORT)).rejects.toMatchObject({ code: "disconnected" });
  });
});

describe("the end of an account", () => {
  test("leaves a receipt and nobody signed in, and is followed until it is finished", async () => {
    fetched.mockResolvedValueOnce(answer(202, { receipt: "secret", erasure: ERASURE }));
    await store.erase("anonymise");
    expect([farewell.receipt.value, account.phase.value, account.notice.value]).toEqual(["secret", "signed_out", null]);

    fetched.mockResolvedValueOnce(refuse(503, "unavailable"));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(farewell.erasure.value?.state).toBe("waiting");
    fetched.mockResolvedValueOnce(answer(200, { ...ERASURE, state: "finished" }));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(farewell.erasure.value?.state).toBe("finished");
    expect(fetched.mock.lastCall![0]).toBe("/api/v1/erasures/secret");
    expect(fetched.mock.lastCall![1]!.headers).not.toHaveProperty("Authorization");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(fetched).toHaveBeenCalledTimes(3);
  });

  test("is asked for past the socket, which would be closed before its answer", async () => {
    vi.spyOn(api.socket, "takesCommands", "get").mockReturnValue(true);
    const onSocket = vi.spyOn(api.socket, "call");
    fetched.mockResolvedValueOnce(answer(202, { receipt: "secret", erasure: ERASURE }));
    await store.erase("erase");
    expect(onSocket).not.toHaveBeenCalled();
    expect(fetched.mock.calls[0]![1]!.headers).toMatchObject({ Authorization: "Bearer mine" });
  });

  test("nothing ends where it was refused", async () => {
    fetched.mockResolvedValueOnce(refuse(409, "conflict"));
    await expect(store.erase("erase")).rejects.toMatchObject({ code: "conflict" });
    expect([farewell.receipt.value, account.phase.value]).toEqual([null, "signed_in"]);
  });
});
