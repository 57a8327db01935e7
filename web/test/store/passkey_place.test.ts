import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { findNamedOrigin, whyNoPasskeys } from "../../src/store/passkey_place";

const at = (url: string): Location => new URL(url) as unknown as Location;

beforeEach(() => {
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("PublicKeyCredential", class {
    static parseCreationOptionsFromJSON = () => ({});
  });
});
afterEach(() => vi.unstubAllGlobals());

describe("where passkeys work", () => {
  test("by name over https, and on localhost", () => {
    expect(whyNoPasskeys(at("https://chat.example.org"))).toBeNull();
    expect(whyNoPasskeys(at("http://localhost:8080"))).toBeNull();
  });

  test("never at a number, secure or not", () => {
    for (const url of ["http://127.0.0.1:8080", "https://192.0.2.7", "http://[::1]:8080"]) {
      expect(whyNoPasskeys(at(url))).toBe("needs_name");
    }
  });

  test("not without https, nor in a browser that has none", () => {
    vi.stubGlobal("isSecureContext", false);
    expect(whyNoPasskeys(at("http://chat.example.org"))).toBe("needs_https");
    vi.stubGlobal("isSecureContext", true);
    vi.stubGlobal("PublicKeyCredential", undefined);
    expect(whyNoPasskeys(at("https://chat.example.org"))).toBe("needs_browser");
  });

  test("this machine has a name; others we do not know", () => {
    expect(findNamedOrigin(at("http://127.0.0.1:8080"))).toBe("http://localhost:8080");
    expect(findNamedOrigin(at("http://[::1]:8080"))).toBe("http://localhost:8080");
    expect(findNamedOrigin(at("https://192.0.2.7"))).toBeNull();
    expect(findNamedOrigin(at("https://chat.example.org"))).toBeNull();
  });
});
