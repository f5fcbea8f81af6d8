/** The properties of an action on one line: as much as a row has room for, whatever their size. */
import type { Json } from "../api/types";

export interface Piece {
  readonly name: string;
  readonly text: string;
}

const MOST_PIECES = 12;
const MOST_CHARACTERS = 120;

export function preview(properties: { readonly [name: string]: Json }): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const name in properties) {
    if (pieces.length === MOST_PIECES) break;
    pieces.push({ name: clipped(name), text: clipped(shown(properties[name] ?? null)) });
  }
  return pieces;
}

function shown(value: Json): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `[${value.length}]`;
  if (value !== null && typeof value === "object") return inner(value as { readonly [name: string]: Json });
  return String(value);
}

/** One level of an object inside; what is deeper is only hinted at. */
function inner(object: { readonly [name: string]: Json }): string {
  const names = Object.keys(object);
  const members = names.slice(0, 4).map((name) => {
    const value = object[name] ?? null;
    return `${name}: ${value !== null && typeof value === "object" ? "…" : clipped(String(value))}`;
  });
  return `{${members.join(", ")}${names.length > members.length ? ", …" : ""}}`;
}

function clipped(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}
