// Whether passkeys can be used at this address at all. Browsers know them by a name: on https, and over plain http on
// localhost alone; never at a number.
import { canPasskeys } from "../net/passkey";

export type NoPasskeys = "needs_https" | "needs_name" | "needs_browser";

const NUMBER = /^(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\])$/i;
const OWN_MACHINE = /^(127\.\d+\.\d+\.\d+|\[::1\])$/;

export function whyNoPasskeys({ hostname } = location): NoPasskeys | null {
  if (NUMBER.test(hostname)) return "needs_name";
  if (!isSecureContext) return "needs_https";
  return canPasskeys() ? null : "needs_browser";
}

/** The same server by a name that can have passkeys, where we know one. */
export function findNamedOrigin({ hostname, protocol, port } = location): string | null {
  return OWN_MACHINE.test(hostname) ? `${protocol}//localhost${port && `:${port}`}` : null;
}
