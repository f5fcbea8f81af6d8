/** The facets: fields with their most frequent values. A click narrows to a value, the sign beside it excludes it. */

import { useState } from "preact/hooks";
import type { FieldUse } from "../api/types";
import { useData } from "../api/useData";
import { fieldLabel } from "../filters/grammar";
import { Problem } from "../shell/Problem";
import { count, shortCount } from "../time/format";
import { filterStep, PLAIN_FIELDS, withoutValue, type Op, type ViewProps } from "../state/view";
import { parametersFor, readValues, type Value, type Values } from "./values";
import "./facets.css";

const FEW = 8;
const MANY = 50;
const NAME = "actionlog-open-facets";
const FIELDS_SHOWN = 30;

interface FacetProps extends ViewProps {
  readonly field: string;
}

/** The filter that keeps, or leaves out, the actions with this value. */
function choice(field: string, value: string | null, op: "is" | "not"): readonly [string, Op, ...string[]] {
  if (value !== null) return [field, op, value];
  return [field, op === "is" ? "missing" : "exists"];
}

function isChosen({ view, field }: FacetProps, { value }: Value, op: Op): boolean {
  const wanted = value === null ? (op === "is" ? "missing" : "exists") : op;
  return view.filters.some(
    (filter) => filter.field === field && filter.op === wanted && (value === null || filter.values.includes(value)),
  );
}

function ValueLine(props: FacetProps & { readonly one: Value; readonly most: number }) {
  const { field, update, one, most } = props;
  const chosen = isChosen(props, one, "is");
  const toggle = (): void => {
    const step = filterStep(...choice(field, one.value, "is"));
    update((now) => {
      if (!chosen) return step(now);
      if (one.value !== null) return { ...now, filters: withoutValue(now.filters, field, "is", one.value) };
      return { ...now, filters: now.filters.filter((filter) => filter.field !== field || filter.op !== "missing") };
    });
  };
  return (
    <li class="facet-value">
      <button type="button" class="facet-choose" aria-pressed={chosen} title={one.label} onClick={toggle}>
        <span class="facet-bar" style={{ width: `${(100 * (one.count ?? 0)) / Math.max(1, most)}%` }} />
        <span class="facet-label">{one.label}</span>
        {one.count !== null && (
          <span class="facet-count" title={count(one.count)}>
            {shortCount(one.count)}
          </span>
        )}
      </button>
      <button
        type="button"
        class="facet-exclude quiet"
        aria-label={`Exclude ${one.label}`}
        title={`Exclude ${one.label}`}
        onClick={() => update(filterStep(...choice(field, one.value, "not")))}
      >
        −
      </button>
    </li>
  );
}

/** Chosen values stay in sight when they are not among the most frequent. */
function withChosen({ view, field }: FacetProps, values: readonly Value[]): readonly Value[] {
  const chosen = view.filters.filter((filter) => filter.field === field && filter.op === "is").flatMap((f) => f.values);
  const missing = chosen.filter((value) => !values.some((one) => one.value === value));
  return [...missing.map((value) => ({ value, label: value, count: null })), ...values];
}

function List(props: FacetProps & { readonly data: Values; readonly more: (() => void) | null }) {
  const { data, more, field } = props;
  const values = withChosen(props, data.values);
  const most = Math.max(...values.map((one) => one.count ?? 0));
  if (values.length === 0) return <p class="facet-none muted">No actions</p>;
  return (
    <>
      <ul class="facet-values" aria-label={`Values of ${fieldLabel(field)}`}>
        {values.map((one) => (
          <ValueLine key={`${one.value === null}-${one.label}`} {...props} one={one} most={most} />
        ))}
      </ul>
      {data.others > 0 && (
        <p class="facet-others muted">
          {shortCount(data.others)} in others
          {more && (
            <button type="button" class="quiet" onClick={more}>
              More
            </button>
          )}
        </p>
      )}
    </>
  );
}

function Body(props: FacetProps) {
  const [limit, setLimit] = useState(FEW);
  const parameters = parametersFor(props.view, props.field, limit);
  const { data, error, busy, cancelled, again } = useData(JSON.stringify([parameters, props.stamp]), (signal) =>
    readValues(parameters, signal),
  );
  return (
    <div class={busy ? "facet-body busy" : "facet-body"} aria-busy={busy}>
      {error && <Problem error={error} again={again} />}
      {cancelled && (
        <button type="button" class="quiet" onClick={again}>
          Cancelled. Count again
        </button>
      )}
      {!data && busy && <p class="facet-none muted">Counting…</p>}
      {data && !error && <List {...props} data={data} more={limit === FEW ? () => setLimit(MANY) : null} />}
    </div>
  );
}

function openAtFirst(): ReadonlySet<string> {
  try {
    return new Set(JSON.parse(localStorage.getItem(NAME) ?? '["type"]') as string[]);
  } catch {
    return new Set(["type"]);
  }
}

export interface FacetsProps extends ViewProps {
  readonly fields: readonly FieldUse[];
}

export function Facets({ fields, ...props }: FacetsProps) {
  const [open, setOpen] = useState(openAtFirst);
  const toggle = (field: string): void => {
    const next = new Set(open);
    if (!next.delete(field)) next.add(field);
    localStorage.setItem(NAME, JSON.stringify([...next]));
    setOpen(next);
  };
  const filtered = props.view.filters.map(({ field }) => field);
  const all = new Set([...PLAIN_FIELDS, ...filtered, ...fields.slice(0, FIELDS_SHOWN).map(({ path }) => path)]);
  return (
    <nav class="facets" aria-label="Facets">
      {[...all].map((field) => (
        <section key={field} class="facet">
          <h2>
            <button type="button" class="facet-head quiet" aria-expanded={open.has(field)} onClick={() => toggle(field)}>
              <span class="twist" aria-hidden="true" />
              {fieldLabel(field)}
            </button>
          </h2>
          {open.has(field) && <Body {...props} field={field} />}
        </section>
      ))}
    </nav>
  );
}
