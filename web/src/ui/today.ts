// The day that it is, for what is called by its distance from it: at midnight "Today" becomes "Yesterday".
import { signal } from "@preact/signals";

const LOOK_EVERY_MS = 20_000;

const dayNow = (): string => new Date().toDateString();

/** Changes once a day, also on a machine that slept over midnight. */
export const today = signal(dayNow());

setInterval(() => (today.value = dayNow()), LOOK_EVERY_MS);
