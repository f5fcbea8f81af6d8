/** The most frequent values of a field among the actions of a view, by GET /log/counts. */

import { getJson } from "../api/client";
import type { Counts, Json } from "../api/types";
import { apiParameters, type Filter, type Parameters, type View } from "../state/view";

export interface Value {
  /** As a filter takes it; null: the action has no such property. */
  readonly value: string | null;
  readonly label: string;
  /** Null: chosen, but not among those that were counted. */
  readonly count: number | null;
}

export interface Values {
  readonly values: readonly Value[];
  readonly total: number;
  /** Actions with a value beyond those listed. */
  readonly others: number;
}

/** The view without what narrows this very field to some of its values: the others can still be chosen then. */
export function parametersFor(view: View, field: string, limit: number): Parameters {
  const others = view.filters.filter((filter: Filter) => filter.field !== field || filter.op !== "is");
  return [...apiParameters({ ...view, filters: others }), ["groupBy", groupBy(field)], ["limit", String(limit)]];
}

export async function readValues(parameters: Parameters, signal: AbortSignal, quiet = false): Promise<Values> {
  const counts = await getJson<Counts>("/log/counts", parameters, { signal, quiet });
  const values = (counts.groups ?? []).map(({ key, total }) => {
    const value = key[0] ?? null;
    return { value: asValue(value), label: asLabel(value), count: total.count };
  });
  return { values, total: counts.total.count, others: counts.other?.total.count ?? 0 };
}

/** groupBy takes several fields with commas between them: one in a name gets a backslash. */
export function groupBy(field: string): string {
  return field.replace(/,/g, "\\,");
}

function asValue(value: Json): string | null {
  if (value === null) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** As it reads; a string that could be taken for something else in quotes. */
function asLabel(value: Json): string {
  if (value === null) return "(none)";
  if (value === "") return "(empty)";
  if (typeof value !== "string") return JSON.stringify(value);
  return /^(-?\d|true$|false$|null$)/.test(value) ? JSON.stringify(value) : value;
}
