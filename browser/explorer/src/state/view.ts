/**
 * What is looked at. A View is a value: steps make a new one, and it stands in the page's URL in the words of the
 * query API, so that a view's address can be read, and most of it be given to GET /log as it is.
 */

/** How a filter compares. `is` and `not` take several values: any of them, none of them. */
export type Op = "is" | "not" | "gt" | "gte" | "lt" | "lte" | "contains" | "exists" | "missing";

/** `field`: type, userId, sessionId or `properties.<path>` with the API's escapes. `exists`, `missing`: no values. */
export interface Filter {
  readonly field: string;
  readonly op: Op;
  readonly values: readonly string[];
}

/** `last`: as the API takes it, without its minus: 15m, 7d. `absolute`: RFC 3339, from <= time < to. */
export type Range =
  | { readonly kind: "last"; readonly last: string }
  | { readonly kind: "absolute"; readonly from: string; readonly to: string }
  | { readonly kind: "all" };

export type Panel = "place" | "letters" | "code" | "keys";

export const INTERVALS = ["auto", "1m", "5m", "15m", "1h", "6h", "1d", "1w"] as const;
export type Interval = (typeof INTERVALS)[number];

export interface View {
  readonly range: Range;
  readonly filters: readonly Filter[];
  readonly order: "desc" | "asc";
  readonly interval: Interval;
  /** The field by which the chart is stacked. */
  readonly group: string;
  /** The id of the action whose row is open. */
  readonly open: string | null;
  readonly panel: Panel | null;
  /** The id that the panel "place" looks for. */
  readonly find: string;
  readonly live: boolean;
  /** The zone in which times are shown. */
  readonly zone: "local" | "utc";
}

export type Step = (view: View) => View;

/** What every component of the page is given. `stamp` changes when everything is to be read again. */
export interface ViewProps {
  readonly view: View;
  readonly update: (step: Step, how?: "push" | "replace") => void;
  readonly stamp: number;
}

export const DEFAULT_VIEW: View = {
  range: { kind: "last", last: "1d" },
  filters: [],
  order: "desc",
  interval: "auto",
  group: "type",
  open: null,
  panel: null,
  find: "",
  live: false,
  zone: "local",
};

export const PLAIN_FIELDS: readonly string[] = ["type", "userId", "sessionId"];
const OPERATORS: Readonly<Record<string, Op>> = {
  eq: "is", ne: "not", gt: "gt", gte: "gte", lt: "lt", lte: "lte", contains: "contains", exists: "exists",
};
const WRITTEN: Readonly<Record<Op, string>> = {
  is: "eq", not: "ne", gt: "gt", gte: "gte", lt: "lt", lte: "lte", contains: "contains", exists: "exists",
  missing: "exists",
};
const PANELS: readonly string[] = ["place", "letters", "code", "keys"];

export type Parameters = readonly (readonly [name: string, value: string])[];

/** The filters as parameters of the API. */
export function filterParameters(filters: readonly Filter[]): Parameters {
  return filters.flatMap(({ field, op, values }) => {
    if (op === "exists") return [[`${field}[exists]`, "true"] as const];
    if (op === "missing") return [[`${field}[exists]`, "false"] as const];
    const name = op === "is" && !field.endsWith("]") ? field : `${field}[${WRITTEN[op]}]`;
    return values.map((value) => [name, value] as const);
  });
}

/** The range as parameters of the API. */
export function rangeParameters(range: Range): Parameters {
  if (range.kind === "all") return [];
  if (range.kind === "last") return [["startTime", `-${range.last}`]];
  const ends = [["startTime", range.from], ["endTime", range.to]] as const;
  return ends.filter(([, moment]) => moment !== "");
}

/** What GET /log, /log/counts, /log/fields and (but for the range) /log/tail are asked for this view. */
export function apiParameters(view: View): Parameters {
  return [...rangeParameters(view.range), ...filterParameters(view.filters)];
}

/** The view as the page's query string, without "?"; what is as it is at first is left out. */
export function printView(view: View): string {
  const query = new URLSearchParams();
  if (view.range.kind === "all") query.append("range", "all");
  if (!sameRange(view.range, DEFAULT_VIEW.range)) append(query, rangeParameters(view.range));
  append(query, filterParameters(view.filters));
  const others: [string, string, string][] = [
    ["order", view.order, DEFAULT_VIEW.order],
    ["interval", view.interval, DEFAULT_VIEW.interval],
    ["group", view.group, DEFAULT_VIEW.group],
    ["row", view.open ?? "", ""],
    ["panel", view.panel ?? "", ""],
    ["find", view.find, ""],
    ["live", String(view.live), "false"],
    ["zone", view.zone, DEFAULT_VIEW.zone],
  ];
  append(query, others.filter(([, value, usual]) => value !== usual).map(([name, value]) => [name, value]));
  return readable(query.toString());
}

/** The view of a query string; what it does not understand is as it is at first. */
export function parseView(search: string): View {
  const query = new URLSearchParams(search);
  const interval = INTERVALS.find((one) => one === query.get("interval"));
  const group = query.get("group") ?? "";
  return {
    range: parseRange(query),
    filters: [...query].reduce<readonly Filter[]>((filters, [name, value]) => {
      const filter = parseFilter(name, value);
      return filter ? withFilter(filters, filter) : filters;
    }, []),
    order: query.get("order") === "asc" ? "asc" : "desc",
    interval: interval ?? DEFAULT_VIEW.interval,
    group: isField(group) ? group : DEFAULT_VIEW.group,
    open: query.get("row") || null,
    panel: PANELS.includes(query.get("panel") ?? "") ? (query.get("panel") as Panel) : null,
    find: query.get("find") ?? "",
    live: query.get("live") === "true",
    zone: query.get("zone") === "utc" ? "utc" : "local",
  };
}

export function isField(name: string): boolean {
  return PLAIN_FIELDS.includes(name) || (name.startsWith("properties.") && name.length > "properties.".length);
}

/** The filters with one more: values of the same field and operator become one filter; what is there stays once. */
export function withFilter(filters: readonly Filter[], added: Filter): readonly Filter[] {
  const at = filters.findIndex(({ field, op }) => field === added.field && op === added.op);
  const there = filters[at];
  if (!there) return [...filters, added];
  const merged = { ...there, values: [...new Set([...there.values, ...added.values])] };
  return filters.map((filter, index) => (index === at ? merged : filter));
}

/** The filters without one value; a filter whose last value goes, goes. */
export function withoutValue(filters: readonly Filter[], field: string, op: Op, value: string): readonly Filter[] {
  return filters
    .map((filter) => {
      const meant = filter.field === field && filter.op === op;
      return meant ? { ...filter, values: filter.values.filter((one) => one !== value) } : filter;
    })
    .filter(({ op: kept, values }) => values.length > 0 || kept === "exists" || kept === "missing");
}

/** The step that narrows a view to a value, or excludes it, as rows and facets offer it. */
export function filterStep(field: string, op: Op, ...values: string[]): Step {
  return (view) => {
    const opposite = op === "is" ? "not" : op === "not" ? "is" : null;
    const others = opposite
      ? values.reduce((filters, value) => withoutValue(filters, field, opposite, value), view.filters)
      : view.filters;
    return { ...view, filters: withFilter(others, { field, op, values }) };
  };
}

/** `properties.<path>` of names from the outermost in: dots and backslashes in a name get a backslash before them. */
export function propertyField(...names: string[]): string {
  return ["properties", ...names.map((name) => name.replace(/[\\.]/g, "\\$&"))].join(".");
}

export function sameRange(one: Range, other: Range): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function parseFilter(name: string, value: string): Filter | null {
  const [, field = name, operator = "eq"] = /^(.*)\[(eq|ne|gte?|lte?|contains|exists)\]$/s.exec(name) ?? [];
  if (!isField(field)) return null;
  const op = OPERATORS[operator] ?? "is";
  if (op === "exists") return { field, op: value === "false" ? "missing" : "exists", values: [] };
  return { field, op, values: [value] };
}

function parseRange(query: URLSearchParams): Range {
  const from = query.get("startTime") ?? "";
  const to = query.get("endTime") ?? "";
  const last = /^-(\d+[smhdw])$/.exec(from)?.[1];
  if (last && (to === "" || to === "now")) return { kind: "last", last };
  if (from !== "" || to !== "") return { kind: "absolute", from, to };
  return query.get("range") === "all" ? { kind: "all" } : DEFAULT_VIEW.range;
}

function append(query: URLSearchParams, parameters: Parameters): void {
  for (const [name, value] of parameters) query.append(name, value);
}

/** URLs escape more than they must; a colon and brackets read better, and every browser takes them. */
function readable(query: string): string {
  return query.replace(/%(3A|5B|5D|2F|2C)/g, (escape) => decodeURIComponent(escape));
}
