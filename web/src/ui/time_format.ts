// Times as people read them, in their language and time zone.
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const near = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

const DAY_MS = 86_400_000;

export const formatClock = (at: string): string => clock.format(new Date(at));
export const formatFull = (at: string): string => full.format(new Date(at));

/** "Today", "Yesterday", "Monday 3 June", "3 June 2019". */
export function formatDay(at: string, now: Date = new Date()): string {
  const date = new Date(at);
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const days = Math.round((new Date(date).setHours(0, 0, 0, 0) - midnight) / DAY_MS);
  if (days === 0 || days === -1) {
    const text = near.format(days, "day");
    return text.charAt(0).toLocaleUpperCase() + text.slice(1);
  }
  return date.getFullYear() === now.getFullYear() ? day.format(date) : dayOfYear.format(date);
}
