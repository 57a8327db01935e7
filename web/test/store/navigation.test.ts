import { beforeEach, describe, expect, test } from "vitest";
import { Navigation } from "../../src/store/navigation";
import { ROOM } from "../samples";

let navigation: Navigation;

beforeEach(() => {
  history.replaceState(null, "", "/");
  navigation = new Navigation();
  navigation.start();
});

describe("the way into the settings and back", () => {
  test("an address leads to its section, and to no room", () => {
    history.replaceState(null, "", "/settings/devices");
    navigation.start();
    expect([navigation.settings.value, navigation.roomId.value]).toEqual(["devices", null]);
    history.replaceState(null, "", "/settings");
    navigation.start();
    expect(navigation.settings.value).toBe("");
  });

  test("the settings take the place of the room, so that nothing there counts as read", () => {
    navigation.open(ROOM);
    navigation.openSettings("devices");
    expect([navigation.settings.value, navigation.roomId.value, location.pathname]).toEqual(["devices", null, "/settings/devices"]);
  });

  test("opened by address, they are left for the list of rooms", () => {
    history.replaceState(null, "", "/settings/devices");
    navigation.start();
    navigation.closeSettings();
    expect([navigation.settings.value, location.pathname]).toEqual([null, "/"]);
  });

  test("a jump to a room leaves them", () => {
    navigation.openSettings("devices");
    navigation.open(ROOM);
    expect([navigation.settings.value, navigation.roomId.value]).toEqual([null, ROOM]);
  });

  test("signing out leaves them", () => {
    navigation.openSettings("devices");
    navigation.close();
    expect([navigation.settings.value, location.pathname]).toEqual([null, "/"]);
  });

  test("sections of a list count as one step back, those beside it as none", () => {
    const before = history.length;
    navigation.openSettings();
    navigation.openSettings("devices");
    navigation.openSettings("privacy");
    expect(history.length - before).toBe(2);
    expect(history.state).toEqual({ depth: 2 });
  });
});
