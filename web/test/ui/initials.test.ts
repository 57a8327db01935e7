import { expect, test } from "vitest";
import { initialsOf } from "../../src/ui/initials";

test.each([
  ["Ada", "A"],
  ["ada king lovelace", "AL"],
  ["bob.b", "BB"],
  ["داليا عبد", "دع"],
  ["🦊 Fox", "F"],
  ["🦊🔥", "🦊"],
  ["👩🏽‍🚀", "👩🏽‍🚀"],
  ["🇫🇷", "🇫🇷"],
  ["…", ""],
])("of %s it is %s", (name, initials) => {
  expect(initialsOf(name)).toBe(initials);
});
