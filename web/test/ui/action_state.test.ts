import { describe, expect, test } from "vitest";
import { CommandError } from "../../src/net/errors";
import { asSentence, explain } from "../../src/ui/action_state";

describe("what went wrong, for people", () => {
  test("what servers write for logs becomes a sentence", () => {
    expect(asSentence("only moderators may post here")).toBe("Only moderators may post here.");
    expect(asSentence("Too long!")).toBe("Too long!");
    expect(asSentence("")).toBe("");
  });

  test("what stands beside a field is not said twice", () => {
    const error = new CommandError("invalid_input", "not valid", null, { fields: [{ path: "name", problem: "is taken" }] });
    expect(explain(error, ["name"])).toBeNull();
    expect(explain(error, ["topic"])).toBe("Not valid.");
  });
});
