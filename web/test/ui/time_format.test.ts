import { describe, expect, test } from "vitest";
import { formatClock, formatDay, formatShortClock } from "../../src/ui/time_format";

describe("times", () => {
  test("in the narrow column lack the half of the day, and nothing else", () => {
    for (const at of ["2026-01-31T00:05:00.000Z", "2026-01-31T13:40:00.000Z"]) {
      expect(formatShortClock(at)).toMatch(/^\d{2}:\d{2}$/);
      expect(formatClock(at)).toContain(formatShortClock(at));
    }
  });

  test("days are named as people name them", () => {
    const now = new Date(2026, 0, 31, 12);
    expect(formatDay(new Date(2026, 0, 31, 1).toISOString(), now)).toBe("Today");
    expect(formatDay(new Date(2026, 0, 30, 23).toISOString(), now)).toBe("Yesterday");
    expect(formatDay(new Date(2024, 0, 30).toISOString(), now)).toContain("2024");
  });
});
