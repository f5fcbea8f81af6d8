/** What a person types for a filter: `type=CLICK|VIEW`, `user!=ada`, `price>=10`, `page~shoe`, `price exists`. Pure. */

import { isField, PLAIN_FIELDS, type Filter, type Op } from "../state/view";

const SIGNS: Readonly<Record<string, Op>> = {
  "=": "is", ":": "is", "!=": "not", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "~": "contains",
};
const SHORT: Readonly<Record<string, string>> = {
  user: "userId", userid: "userId", session: "sessionId", sessionid: "sessionId", type: "type",
};
const WORDS: Readonly<Record<Op, string>> = {
  is: "is", not: "is not", gt: ">", gte: "≥", lt: "<", lte: "≤", contains: "contains", exists: "exists",
  missing: "is missing",
};

/** The beginning of a filter: which field, how, and what of the value is typed already. */
export interface Draft {
  readonly field: string;
  readonly op: Op;
  readonly value: string;
}

/** The full name of a field: `user` is userId, a name that is none of ours is a property. */
export function fieldOf(typed: string): string {
  const name = typed.trim();
  const known = SHORT[name.toLowerCase()];
  if (known) return known;
  return isField(name) ? name : `properties.${name}`;
}

/** As `properties.` goes without saying, but where the rest would be taken for something else: `properties.user`. */
export function fieldLabel(field: string): string {
  const rest = field.replace(/^properties\./, "");
  return fieldOf(rest) === field && !rest.startsWith("-") ? rest : field;
}

/** As it is typed: a sign that belongs to the name has a backslash before it. */
export function fieldText(field: string): string {
  return fieldLabel(field).replace(/[=!<>~:]/g, "\\$&");
}

/** Up to a sign that has no backslash before it. */
const NAME = String.raw`((?:\\[=!<>~:]|[^=!<>~:])+?)`;
const COMPARED = new RegExp(String.raw`^(-?)${NAME}(!=|>=|<=|[=:><~])\s*(.*)$`, "s");
const THERE = new RegExp(String.raw`^${NAME}\s+(exists|missing)$`);

/** The draft that a text is; null while there is no operator in it. */
export function draft(text: string): Draft | null {
  const [, minus, name = "", sign = "", value = ""] = COMPARED.exec(text.trim()) ?? [];
  const op = SIGNS[sign];
  if (!op || !name.trim()) return null;
  return { field: fieldOf(plainName(name)), op: minus && op === "is" ? "not" : op, value };
}

function plainName(typed: string): string {
  return typed.replace(/\\([=!<>~:])/g, "$1");
}

/** The filter of a text, or what is wrong with it in a sentence. */
export function parseFilterText(text: string): Filter | string {
  const [, name, word] = THERE.exec(text.trim()) ?? [];
  if (name && word) return checked({ field: fieldOf(plainName(name)), op: word as Op, values: [] });
  const begun = draft(text);
  if (!begun) return "A field, a sign and a value: type=CLICK, price>=10, page~shoe, price exists.";
  const values = split(begun.value);
  if (values.some((value) => value === "")) return `What should ${fieldLabel(begun.field)} be? The value is missing.`;
  return checked({ field: begun.field, op: begun.op, values });
}

function checked(filter: Filter): Filter | string {
  if (!PLAIN_FIELDS.includes(filter.field) || filter.op === "is" || filter.op === "not") return filter;
  return `${filter.field} can be compared by = and != only; properties also by >, >=, <, <=, ~, exists, missing.`;
}

/** At each `|` that has no backslash before it. */
export function split(value: string): string[] {
  return value.split(/(?<!\\)\|/).map((one) => one.replace(/\\\|/g, "|"));
}

/** The text that makes this filter, for editing it. */
export function filterText({ field, op, values }: Filter): string {
  if (op === "exists" || op === "missing") return `${fieldText(field)} ${op}`;
  const sign = Object.entries(SIGNS).find(([, one]) => one === op)?.[0] ?? "=";
  return `${fieldText(field)}${sign}${values.map((value) => value.replace(/\|/g, "\\|")).join("|")}`;
}

/** A filter in words, in three pieces: `type`, `is`, `CLICK or VIEW`. */
export function filterWords({ field, op, values }: Filter): readonly [field: string, op: string, values: string] {
  return [fieldLabel(field), WORDS[op], values.map((value) => (value === "" ? "(empty)" : value)).join(" or ")];
}
