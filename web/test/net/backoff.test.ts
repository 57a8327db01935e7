import { describe, expect, test } from "vitest";
import { delayMs, LONGEST_DELAY_MS, planAfterClose } from "../../src/net/backoff";

const half = (): number => 0.5;

describe("reconnecting", () => {
  test("delays are spread over the whole of a doubling interval, from half a second to thirty", () => {
    expect(delayMs(0, () => 1)).toBe(500);
    expect(delayMs(3, () => 1)).toBe(4_000);
    expect(delayMs(3, () => 0)).toBe(0);
    expect(delayMs(50, () => 1)).toBe(LONGEST_DELAY_MS);
  });

  test("codes from 4500 to 4999 end it, each with its reason", () => {
    const reasonOf = (code: number) => planAfterClose(code, 0, null, half);
    expect(reasonOf(4500)).toEqual({ kind: "stop", reason: "login_ended" });
    expect(reasonOf(4502)).toEqual({ kind: "stop", reason: "too_many_connections" });
    expect(reasonOf(4503)).toEqual({ kind: "stop", reason: "deactivated" });
    expect(reasonOf(4999).kind).toBe("stop");
  });

  test("a draining node is left for another within the time it named", () => {
    expect(planAfterClose(1012, 0, 8_000, half)).toEqual({ kind: "reconnect", delayMs: 4_000, refreshFirst: false });
  });

  test("an expired token is refreshed first, at once, but not in a tight circle", () => {
    expect(planAfterClose(4003, 0, null, half)).toEqual({ kind: "reconnect", delayMs: 0, refreshFirst: true });
    expect(planAfterClose(4003, 4, null, half)).toEqual({ kind: "reconnect", delayMs: 4_000, refreshFirst: true });
  });
});
