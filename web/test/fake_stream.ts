// A server of `/api/v1/stream` behind a stubbed fetch: the test writes the frames.
import { vi } from "vitest";

export class FakeStream {
  static opened: FakeStream[] = [];
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  readonly body = new ReadableStream<Uint8Array>({ start: (controller) => void (this.#controller = controller) });

  constructor(
    readonly token: string,
    readonly positions: Record<string, unknown>,
    readonly signal: AbortSignal,
  ) {
    FakeStream.opened.push(this);
  }

  static get last(): FakeStream {
    return FakeStream.opened.at(-1)!;
  }

  /** Several frames in one piece. */
  write(...frames: object[]): void {
    this.writeText(frames.map((frame) => `data: ${JSON.stringify(frame)}\n\n`).join(""));
  }

  writeText(text: string): void {
    this.#controller.enqueue(new TextEncoder().encode(text));
  }

  end(): void {
    this.#controller.close();
  }
}

/** Stub fetch: streams are opened, everything else is answered by `rest`. */
export function stubFetch(rest: (url: string, body: unknown) => unknown = () => ({}), streamStatus = () => 200) {
  FakeStream.opened = [];
  const stub = vi.fn((url: string, init: RequestInit) => {
    const body: unknown = init.body ? JSON.parse(init.body as string) : null;
    if (!url.endsWith("/stream")) return Promise.resolve({ ok: true, status: 200, json: async () => rest(url, body) });
    const status = streamStatus();
    if (status !== 200) return Promise.resolve({ ok: false, status, body: null });
    const token = (init.headers as Record<string, string>).Authorization!.replace("Bearer ", "");
    const stream = new FakeStream(token, (body as { rooms: Record<string, unknown> }).rooms, init.signal!);
    return Promise.resolve({ ok: true, status, body: stream.body });
  });
  vi.stubGlobal("fetch", stub);
  return stub;
}
