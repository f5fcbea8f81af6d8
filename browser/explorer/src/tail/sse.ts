/** Server-sent events out of a byte stream, as the standard reads them
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation).
 *
 * EventSource itself cannot send a key in a header, so the stream is read with fetch.
 */
export interface SseEvent {
  /** "message" for events without a name. */
  readonly name: string;
  readonly data: string;
}

const LINE_END = /\r\n|\n|\r/;

export class SseParser {
  /** The last id that a finished event or an id alone brought: where to come back to. */
  lastEventId = "";
  private rest = "";
  private id: string | null = null;
  private name = "";
  private data: string[] = [];

  /** Takes the next piece of text, wherever it was cut, and gives the events that it completes. */
  push(text: string): SseEvent[] {
    const events: SseEvent[] = [];
    let whole = this.rest + text;
    // A CR at the very end may be half of a CRLF: wait for what follows.
    const held = whole.endsWith("\r") ? "\r" : "";
    whole = whole.slice(0, whole.length - held.length);
    const lines = whole.split(LINE_END);
    this.rest = (lines.pop() ?? "") + held;
    for (const line of lines) {
      if (line === "") this.dispatch(events);
      else this.field(line);
    }
    return events;
  }

  private field(line: string): void {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") this.data.push(value);
    else if (name === "event") this.name = value;
    else if (name === "id" && !value.includes("\0")) this.id = value;
  }

  private dispatch(events: SseEvent[]): void {
    if (this.id !== null) this.lastEventId = this.id;
    if (this.data.length > 0) events.push({ name: this.name || "message", data: this.data.join("\n") });
    this.id = null;
    this.name = "";
    this.data = [];
  }
}
