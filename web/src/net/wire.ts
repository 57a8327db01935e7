// What carries frames, as socket.ts sees it: a WebSocket is one. Types only.

/** The handlers take a `MessageEvent` and a `CloseEvent`, of which only `data` and `code` are read. */
export interface Wire {
  onmessage: ((event: any) => void) | null;
  /** Called once, unless we closed it ourselves. */
  onclose: ((event: any) => void) | null;
  send(text: string): void;
  close(): void;
}

/** What a browser reports for a connection that ended without a word. */
export const LOST = 1006;
