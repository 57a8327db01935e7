// The REST doors that this client uses, from the same registry as the socket operations. Used by http.ts only.
import type { Commands } from "./contract.gen";

export type Op = keyof Commands;
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Method and path below /api/v1; `{fields}` of the request stand in the path. */
export const ROUTES: Partial<Record<Op, readonly [Method, string]>> = {
  "auth.register": ["POST", "/auth/register"],
  "auth.login": ["POST", "/auth/login"],
  "auth.refresh": ["POST", "/auth/refresh"],
  "auth.logout": ["POST", "/auth/logout"],
  "users.me": ["GET", "/users/me"],
  "users.update_me": ["PATCH", "/users/me"],
  "users.get": ["GET", "/users"],
  "users.search": ["GET", "/users/search"],
  "rooms.create": ["POST", "/rooms"],
  "rooms.open_dm": ["POST", "/dms"],
  "rooms.browse": ["GET", "/rooms/public"],
  "rooms.update": ["PATCH", "/rooms/{room_id}"],
  "rooms.join": ["POST", "/rooms/{room_id}/join"],
  "rooms.leave": ["POST", "/rooms/{room_id}/leave"],
  "members.list": ["GET", "/rooms/{room_id}/members"],
  "members.add": ["POST", "/rooms/{room_id}/members"],
  "messages.send": ["POST", "/rooms/{room_id}/messages"],
  "messages.edit": ["PATCH", "/rooms/{room_id}/messages/{message_id}"],
  "messages.delete": ["DELETE", "/rooms/{room_id}/messages/{message_id}"],
  "messages.list": ["GET", "/rooms/{room_id}/messages"],
  "read.mark": ["POST", "/rooms/{room_id}/read"],
  "presence.get": ["GET", "/presence"],
  "presence.set": ["PUT", "/presence"],
};

export interface HttpRequest {
  method: Method;
  url: string;
  body: string | null;
}

/** Spread a command's request over path, query and body, as the registry says. */
export function buildRequest(op: Op, data: Record<string, unknown>): HttpRequest {
  const route = ROUTES[op];
  if (!route) throw new Error(`${op} has no REST door`);
  const [method, template] = route;
  const rest = { ...data };
  const path = template.replace(/\{(\w+)\}/g, (_, field: string) => {
    const value = String(rest[field]);
    delete rest[field];
    return encodeURIComponent(value);
  });
  const fields = Object.entries(rest).filter(([, value]) => value !== undefined && value !== null);
  if (method !== "GET") return { method, url: `/api/v1${path}`, body: JSON.stringify(Object.fromEntries(fields)) };
  const query = new URLSearchParams(fields.map(([key, value]) => [key, String(value)])).toString();
  return { method, url: `/api/v1${path}${query ? `?${query}` : ""}`, body: null };
}
