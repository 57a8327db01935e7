// Times as people read them, in their language and time zone.
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const near = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

const DAY_MS = 86_400_000;

export const formatClock = (at: string): string => clock.format(new Date(at));
/** Hours and minutes alone, for where the half of the day stands above: there is no room for it. */
export function formatShortClock(at: string): string {
  const parts = clock.formatToParts(new Date(at));
  const [first, last] = [parts.findIndex(isOfClock), parts.findLastIndex(isOfClock)];
  return parts.slice(first, last + 1).map(({ value }) => value).join("");
}

const isOfClock = ({ type }: Intl.DateTimeFormatPart): boolean => type === "hour" || type === "minute";

/** Short, and the same today as next year. */
export const formatMoment = (at: string): string => moment.format(new Date(at));
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
