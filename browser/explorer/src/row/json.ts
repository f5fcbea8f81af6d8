/** JSON read without loss: numbers keep their spelling (9007199254740993, 1.0, 1e400), members their order, and a name
 * that occurs twice stays twice. `JSON.parse` would lose all three, and people look at a row to see what was sent.
 */
export type Json =
  | { readonly kind: "object"; readonly members: readonly Member[] }
  | { readonly kind: "array"; readonly items: readonly Json[] }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "number" | "boolean" | "null"; readonly text: string };

export interface Member {
  readonly name: string;
  readonly value: Json;
}

/** Reads a whole document that a JSON encoder wrote. Throws SyntaxError where it is none. */
export function readJson(text: string): Json {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

/** The value of a member of an object; undefined where it is none or has no such member. */
export function member(value: Json | undefined, name: string): Json | undefined {
  return value?.kind === "object" ? value.members.find((each) => each.name === name)?.value : undefined;
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\.)*"/y;
const SCALAR = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const MAX_DEPTH = 512; // deeper than any document that the producer takes; the page must not run out of stack

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  value(depth: number): Json {
    if (depth > MAX_DEPTH) throw new SyntaxError("too deep");
    this.take(SPACE);
    const next = this.text[this.at];
    if (next === "{") return { kind: "object", members: this.list("}", () => this.member(depth + 1)) };
    if (next === "[") return { kind: "array", items: this.list("]", () => this.value(depth + 1)) };
    if (next === '"') return { kind: "string", value: this.string() };
    return scalar(this.must(SCALAR));
  }

  end(): void {
    this.take(SPACE);
    if (this.at !== this.text.length) throw this.wrong();
  }

  private member(depth: number): Member {
    this.take(SPACE);
    const name = this.string();
    this.take(SPACE);
    this.sign(":");
    return { name, value: this.value(depth) };
  }

  private list<T>(close: string, item: () => T): T[] {
    const items: T[] = [];
    this.at += 1;
    this.take(SPACE);
    while (this.text[this.at] !== close) {
      if (items.length > 0) this.sign(",");
      items.push(item());
      this.take(SPACE);
    }
    this.at += 1;
    return items;
  }

  private string(): string {
    return JSON.parse(this.must(STRING)) as string;
  }

  private sign(sign: string): void {
    if (this.text[this.at] !== sign) throw this.wrong();
    this.at += 1;
  }

  private must(pattern: RegExp): string {
    const found = this.take(pattern);
    if (!found) throw this.wrong();
    return found;
  }

  private take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  private wrong(): SyntaxError {
    return new SyntaxError(`not JSON at character ${this.at}`);
  }
}

function scalar(text: string): Json {
  if (text === "null") return { kind: "null", text };
  return { kind: text === "true" || text === "false" ? "boolean" : "number", text };
}
