// Small things kept between visits, in localStorage. A browser that refuses storage simply forgets.

export function read(key: string): string | null {
  try {
    return localStorage.getItem(`chatcraft.${key}`);
  } catch {
    return null;
  }
}

export function write(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`chatcraft.${key}`);
    else localStorage.setItem(`chatcraft.${key}`, value);
  } catch {
    return;
  }
}

/** The keys below a prefix, without it. */
export function keysBelow(prefix: string): string[] {
  try {
    const full = `chatcraft.${prefix}`;
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(full))
      .map((key) => key.slice(full.length));
  } catch {
    return [];
  }
}
