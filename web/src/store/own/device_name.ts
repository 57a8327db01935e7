// What a device is called, from what its program says of itself. Without versions, and in the words of the server's mails.

// The first that is found counts: Edge and Opera say that they are Chrome, and Chrome that it is Safari.
const BROWSERS = [
  ["Edg", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["FxiOS/", "Firefox"], ["CriOS/", "Chrome"],
  ["Chrome/", "Chrome"], ["Safari/", "Safari"],
] as const;
const SYSTEMS = [
  ["Android", "Android"], ["iPhone", "iOS"], ["iPad", "iOS"], ["Windows", "Windows"], ["Mac OS X", "macOS"],
  ["CrOS", "ChromeOS"], ["Linux", "Linux"],
] as const;
const PRODUCT = /^[A-Za-z0-9._-]{1,40}/;

type Names = readonly (readonly [string, string])[];
const find = (said: string, names: Names): string | undefined => names.find(([mark]) => said.includes(mark))?.[1];

export function nameDevice(userAgent: string | null): string {
  const said = userAgent ?? "";
  const browser = find(said, BROWSERS);
  if (!browser) return PRODUCT.exec(said)?.[0] ?? "Unknown program";
  const system = find(said, SYSTEMS);
  return system ? `${browser} on ${system}` : browser;
}
