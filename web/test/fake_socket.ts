// A WebSocket whose other end is the test.
import type { Frame } from "../src/net/frames";

export class FakeSocket {
  static opened: FakeSocket[] = [];
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  isClosed = false;
  readonly sent: { op: string; ref: number; d: Record<string, unknown> }[] = [];
  /** Answers commands as they come, if set; undefined leaves one unanswered. */
  answer: ((op: string, d: Record<string, unknown>) => unknown) | null = null;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    FakeSocket.opened.push(this);
  }

  static get last(): FakeSocket {
    const last = FakeSocket.opened.at(-1);
    if (!last) throw new Error("no socket was opened");
    return last;
  }

  send(text: string): void {
    const command = JSON.parse(text) as FakeSocket["sent"][number];
    this.sent.push(command);
    const ok = this.answer?.(command.op, command.d);
    if (ok !== undefined) queueMicrotask(() => this.reply(command.ref, ok));
  }

  close(): void {
    this.isClosed = true;
  }

  // What the server does:

  ready(userId: string): void {
    this.emit({ ev: "ready", d: { user: { id: userId, display_name: "Me", username: "me" }, limits: {} } });
  }

  emit(frame: Frame | object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  reply(ref: number, ok: unknown): void {
    this.emit({ ref, ok });
  }

  refuse(ref: number, code: string, retry_after_ms: number | null = null): void {
    this.emit({ ref, error: { code, message: code, retry_after_ms, details: {} } });
  }

  cut(code = 1006): void {
    this.isClosed = true;
    this.onclose?.({ code });
  }

  of(op: string): FakeSocket["sent"] {
    return this.sent.filter((command) => command.op === op);
  }
}
