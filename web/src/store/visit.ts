// Small things kept for one visit in one tab, over pages of other sites, in sessionStorage.

export function read(key: string): string | null {
  try {
    return sessionStorage.getItem(`chatcraft.${key}`);
  } catch {
    return null;
  }
}

export function write(key: string, value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(`chatcraft.${key}`);
    else sessionStorage.setItem(`chatcraft.${key}`, value);
  } catch {
    return;
  }
}
