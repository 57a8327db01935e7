// Spreads a command over method, path, query and body, as the registry's routes say. Used by http.ts only.
import { routes, type Op, type Route } from "./contract.gen";

export interface HttpRequest {
  method: Route["method"];
  url: string;
  body: string | null;
}

/** Spread a command's request over path, query and body, as the registry says. */
export function buildRequest(op: Op, data: Record<string, unknown>): HttpRequest {
  const route = routes[op];
  if (!route) throw new Error(`${op} has no REST door`);
  const { method, path: template } = route;
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
