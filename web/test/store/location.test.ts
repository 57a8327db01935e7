import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { pageOf, PageLocation } from "../../src/store/location";

const page = (path: string) => pageOf(new URL(path, "https://chat.example.org"));

describe("what an address means", () => {
  test("mailed links, invitations and a provider's answer have pages of their own", () => {
    expect(page("/verify-email#t0ken")).toEqual({ kind: "verify_email", token: "t0ken" });
    expect(page("/reset-password#t0ken")).toEqual({ kind: "reset_password", token: "t0ken" });
    expect(page("/reset-password")).toEqual({ kind: "reset_password", token: null });
    expect(page("/join#t0ken")).toEqual({ kind: "register" });
    expect(page("/oidc/callback?code=c&state=s&iss=https%3A%2F%2Fid.example")).toEqual({
      kind: "provider_answer",
      answer: { code: "c", state: "s", iss: "https://id.example", error: null },
    });
    expect(page("/oidc/callback?error=access_denied&state=s")).toMatchObject({ answer: { code: null, error: "access_denied" } });
  });

  test("rooms, settings and whatever nobody knows are the program itself", () => {
    for (const path of ["/", "/r/0198", "/settings/sessions", "/nowhere", "/verify-email/x"]) {
      expect(page(path)).toEqual({ kind: "app" });
    }
  });
});

describe("where one is", () => {
  let place: PageLocation;

  beforeEach(() => {
    sessionStorage.clear();
    place = new PageLocation();
  });
  afterEach(() => history.replaceState(null, "", "/"));

  const open = (path: string): void => {
    history.replaceState(null, "", path);
    place.start();
  };

  test("a secret leaves the address as it is read", () => {
    open("/verify-email#t0ken");
    expect(place.page.value).toEqual({ kind: "verify_email", token: "t0ken" });
    expect(location.href).not.toContain("t0ken");
    open("/oidc/callback?code=c0de&state=s");
    expect(place.page.value).toMatchObject({ answer: { code: "c0de" } });
    expect(location.href).not.toContain("c0de");
  });

  test("a room's address keeps all of it", () => {
    open("/r/0198#m");
    expect(location.href).toContain("/r/0198#m");
  });

  test("an invitation outlives the way over a provider's page", () => {
    open("/join#inv1te");
    expect(place.invitation.value).toBe("inv1te");
    expect(location.href).not.toContain("inv1te");
    expect(new PageLocation().invitation.value).toBe("inv1te");
    place.keepInvitation(null);
    expect(new PageLocation().invitation.value).toBeNull();
  });

  test("who goes to another page can come back, but not to a page whose link is spent", () => {
    open("/");
    const before = history.length;
    place.goTo("register");
    expect([location.pathname, history.length]).toEqual(["/register", before + 1]);
    open("/reset-password#t0ken");
    const within = history.length;
    place.goTo("app");
    expect([location.pathname, history.length, place.page.value.kind]).toEqual(["/", within, "app"]);
  });

  test("signing in leaves the pages of strangers, and no other", () => {
    open("/register");
    place.leaveIfForStrangers();
    expect([location.pathname, place.page.value.kind]).toEqual(["/", "app"]);
    open("/r/0198");
    place.leaveIfForStrangers();
    expect(location.pathname).toBe("/r/0198");
    open("/verify-email#t0ken");
    place.leaveIfForStrangers();
    expect(place.page.value.kind).toBe("verify_email");
  });
});
