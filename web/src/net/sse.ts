// Reads Server-Sent Events from bytes, wherever they were cut. Pure; used by stream_wire.ts.

// A CR that ends what has arrived may be half of a CRLF: it waits for more.
const LINE_END = /\r\n|\n|\r(?!$)/;

export class SseParser {
  readonly #decoder = new TextDecoder();
  #rest = "";
  #data: string[] = [];

  /** The data of each event that these bytes complete, in order. Comments, ids and names of events are left out. */
  feed(bytes: Uint8Array): string[] {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split(LINE_END);
    this.#rest = lines.pop()!;
    const events: string[] = [];
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length > 0) events.push(this.#data.join("\n"));
        this.#data = [];
      } else if (line === "data" || line.startsWith("data:")) {
        this.#data.push(line.slice(5).replace(/^ /, ""));
      }
    }
    return events;
  }
}
