import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { formatDay } from "../../src/ui/time_format";

beforeEach(() => {
  vi.resetModules();
  vi.useFakeTimers({ now: new Date(2026, 0, 31, 23, 59, 50) });
});

afterEach(() => {
  vi.useRealTimers();
});

test("what was written today is of yesterday after midnight, in a page that stays open", async () => {
  const { today } = await import("../../src/ui/today");
  const written = new Date().toISOString();
  const shown = (): string => formatDay(written, new Date(today.value));
  expect(shown()).toBe("Today");
  vi.advanceTimersByTime(60_000);
  expect(shown()).toBe("Yesterday");
});
