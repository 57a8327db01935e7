// How this browser likes to look and speak. Kept here, not in the account.
import { effect, signal, type Signal } from "@preact/signals";
import { read, write } from "./storage";

export type Theme = "system" | "light" | "dark";
export type Contrast = "system" | "more";
export type Density = "comfortable" | "compact";
export type Announcements = "all" | "mentions" | "none";

function kept<T extends string>(key: string, values: readonly T[]): Signal<T> {
  const stored = read(`setting.${key}`);
  const held = signal<T>(values.find((value) => value === stored) ?? values[0]!);
  effect(() => write(`setting.${key}`, held.value === values[0] ? null : held.value));
  return held;
}

export const theme = kept<Theme>("theme", ["system", "light", "dark"]);
export const contrast = kept<Contrast>("contrast", ["system", "more"]);
export const density = kept<Density>("density", ["comfortable", "compact"]);
export const announcements = kept<Announcements>("announcements", ["all", "mentions", "none"]);
