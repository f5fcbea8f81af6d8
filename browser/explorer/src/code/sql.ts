/** What `dryRun=true` answers, as statements for clickhouse-client: each bound value, then the query itself. */
export interface DryRun {
  readonly sql: string;
  readonly parameters: Readonly<Record<string, string | number>>;
}

export function sql(answer: DryRun): string {
  const values = Object.entries(answer.parameters).map(([name, value]) => `SET param_${name} = ${quoted(value)};`);
  return [...values, `${answer.sql};`, ""].join("\n");
}

/** Escaped twice: the literal is read as SQL first, and what it holds as ClickHouse's escaped text then. */
function quoted(value: string | number): string {
  return `'${escaped(escaped(String(value)))}'`;
}

function escaped(text: string): string {
  return text.replace(/[\\'\p{C}]/gu, (character) => SHORT[character] ?? bytes(character));
}

const SHORT: Readonly<Record<string, string>> = { "\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function bytes(character: string): string {
  return Array.from(new TextEncoder().encode(character), (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
