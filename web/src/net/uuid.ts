// UUIDv7 (RFC 9562 §5.7): a message's id is made here, before it is sent, and is its idempotency key.

let lastMs = 0;
let counter = 0;

/** Ids of one page sort in the order in which they were made, within a millisecond too (§6.2, method 1). */
export function uuidv7(nowMs: number = Date.now()): string {
  counter = nowMs === lastMs ? counter + 1 : 0;
  lastMs = nowMs;
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(nowMs / 0x10000));
  view.setUint16(4, nowMs % 0x10000);
  view.setUint16(6, 0x7000 | (counter & 0x0fff));
  view.setUint8(8, (view.getUint8(8) & 0x3f) | 0x80);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
