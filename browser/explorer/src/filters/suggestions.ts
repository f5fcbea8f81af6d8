/** What the filter line offers for what is typed so far: fields, then the values of one. */

import type { FieldUse } from "../api/types";
import { useData } from "../api/useData";
import { parametersFor, readValues, type Values } from "../facets/values";
import { PLAIN_FIELDS, type Filter, type View } from "../state/view";
import { draft, fieldLabel, fieldText, split, type Draft } from "./grammar";

/** `text`: goes on typing with it; `filter`: makes it; `find`: looks for the action with this id. */
export type Suggestion = { readonly key: string; readonly label: string; readonly note: string } & (
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "filter"; readonly filter: Filter }
  | { readonly kind: "find"; readonly id: string }
);

const MOST = 8;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ABOUT: Readonly<Record<string, string>> = {
  type: "what was done", userId: "who did it", sessionId: "in which session",
};

export function useSuggestions(text: string, view: View, fields: readonly FieldUse[], active: boolean): Suggestion[] {
  const begun = draft(text);
  const wanted = active && begun !== null && (begun.op === "is" || begun.op === "not");
  const parameters = wanted ? parametersFor(view, begun.field, 50) : [];
  const { data } = useData(wanted ? JSON.stringify(parameters) : null, async (signal) => ({
    field: begun?.field,
    known: await readValues(parameters, signal, true),
  }));
  if (!active) return [];
  if (!begun) return [...names(text.trim(), fields), ...anywhere(text.trim())];
  return values(begun, wanted && data?.field === begun.field ? data.known : null); // not those of another field
}

function names(typed: string, fields: readonly FieldUse[]): Suggestion[] {
  const wanted = typed.toLowerCase();
  const all = [
    ...PLAIN_FIELDS.map((field) => ({ field, note: ABOUT[field] ?? "" })),
    ...fields.map(({ path, kinds, examples }) => ({ field: path, note: `${kinds.join(", ")} · ${example(examples)}` })),
  ];
  const at = ({ field }: { field: string }): number => fieldLabel(field).toLowerCase().indexOf(wanted);
  return all
    .filter((one) => at(one) >= 0)
    .sort((one, other) => Math.sign(at(one)) - Math.sign(at(other))) // those that begin so come first
    .slice(0, MOST)
    .map(({ field, note }) => ({
      kind: "text", key: field, label: fieldLabel(field), note, text: `${fieldText(field)}=`,
    }));
}

function example(examples: FieldUse["examples"]): string {
  const first = examples[0];
  return first === undefined ? "" : `like ${JSON.stringify(first).slice(0, 40)}`;
}

/** A word that is no field's name may be a value of one. */
function anywhere(typed: string): Suggestion[] {
  if (typed.length < 3 || /\s/.test(typed)) return [];
  if (UUID.test(typed)) {
    return [{ kind: "find", key: "find", label: `Where is ${typed}?`, note: "the action with this id", id: typed }];
  }
  return PLAIN_FIELDS.filter((field) => field !== "type" || typed === typed.toUpperCase()).map((field) => ({
    kind: "filter", key: `is-${field}`, label: `${field} is ${typed}`, note: "", filter: { field, op: "is", values: [typed] },
  }));
}

function values({ field, op, value }: Draft, known: Values | null): Suggestion[] {
  const before = split(value);
  const typed = before.pop()?.trim().toLowerCase() ?? "";
  return (known?.values ?? [])
    .filter((one) => one.value !== null && one.value.toLowerCase().includes(typed) && !before.includes(one.value))
    .slice(0, MOST)
    .map((one) => ({
      kind: "filter",
      key: `value-${one.value}`,
      label: one.label,
      note: (one.count ?? 0).toLocaleString("en"),
      filter: { field, op, values: [...before, one.value ?? ""] },
    }));
}
