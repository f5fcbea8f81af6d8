/** The histogram as numbers: what GET /log/counts answered, laid out over time. Pure. */

import type { Counts } from "../api/types";
import type { View } from "../state/view";
import { bounds, duration } from "../time/range";
import { colours } from "./colours";

export interface Series {
  readonly key: string;
  /** As a filter takes it; null for actions without the property; undefined for all the others together. */
  readonly value: string | null | undefined;
  readonly label: string;
  readonly colour: string;
  readonly total: number;
  readonly values: readonly number[];
}

/** `starts` and `ends` of the bars and the ends of the axis, in ms; `series` from the bottom up. */
export interface Histogram {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly from: number;
  readonly to: number;
  readonly interval: string;
  /** The field by which it is stacked. */
  readonly group: string;
  readonly series: readonly Series[];
  readonly totals: readonly number[];
  readonly total: number;
}

const OTHER = { key: "other", value: undefined, label: "others", colour: "c-other" } as const;

/** `nowMs`: when it was asked, the end of a range that has none. */
export function histogram(counts: Counts, { range, group }: Pick<View, "range" | "group">, nowMs: number): Histogram {
  const starts = (counts.times ?? []).map((time) => Date.parse(time));
  const stepMs = duration(counts.interval ?? "1h") || 3_600_000;
  const ends = starts.map((start, index) => starts[index + 1] ?? start + stepMs);
  const [from, to] = bounds(range, nowMs);
  const groups = counts.groups ?? [];
  const names = groups.map(({ key }) => JSON.stringify(key[0] ?? null));
  const classes = colours(names);
  const series: Series[] = groups.map(({ key: [value = null], total, values }, index) => ({
    key: names[index] ?? "",
    value: value === null || typeof value === "string" ? value : JSON.stringify(value),
    label: value === null ? "(none)" : value === "" ? "(empty)" : typeof value === "string" ? value : JSON.stringify(value),
    colour: classes[index] ?? "c-other",
    total: total.count,
    values: values?.count ?? [],
  }));
  if (counts.other) series.push({ ...OTHER, total: counts.other.total.count, values: counts.other.values?.count ?? [] });
  return {
    starts,
    ends,
    from: from ?? starts[0] ?? nowMs - stepMs,
    to: to ?? Math.max(ends[ends.length - 1] ?? nowMs, range.kind === "all" ? 0 : nowMs),
    interval: counts.interval ?? "",
    group,
    series,
    totals: counts.values?.count ?? starts.map(() => counts.total.count),
    total: counts.total.count,
  };
}

/** Where a moment is, in pixels from the left, within the plot. */
export function xOf({ from, to }: Histogram, width: number, ms: number): number {
  return Math.max(0, Math.min(width, ((ms - from) / Math.max(1, to - from)) * width));
}

/** The bar at a place of the plot: the nearest one. -1 when there is none. */
export function barAt(shape: Histogram, width: number, x: number): number {
  const ms = shape.from + (Math.max(0, Math.min(width, x)) / width) * (shape.to - shape.from);
  const next = shape.starts.findIndex((start) => start > ms);
  return next === -1 ? shape.starts.length - 1 : Math.max(0, next - 1);
}

/** From the begin of one bar to the end of another, whichever comes first, within the axis. */
export function span(shape: Histogram, one: number, other: number): readonly [from: number, to: number] {
  const first = shape.starts[Math.min(one, other)] ?? shape.from;
  const last = shape.ends[Math.max(one, other)] ?? shape.to;
  return [Math.max(first, shape.from), Math.min(last, Math.max(shape.to, first + 1000))];
}

/** The highest figure of the axis, at least the highest bar: round, and so is its half. */
export function niceTop(highest: number): number {
  if (highest <= 10) return Math.max(1, highest <= 1 ? highest : 2 * Math.ceil(highest / 2));
  const power = 10 ** Math.floor(Math.log10(highest));
  const step = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10].find((one) => one * power >= highest) ?? 10;
  return Math.round(step * power);
}

/** One SVG path per series: a rectangle per bar, stacked on those of the series before. */
export function paths(shape: Histogram, width: number, height: number): readonly string[] {
  const top = niceTop(Math.max(0, ...shape.totals));
  const base = shape.starts.map(() => 0);
  return shape.series.map(({ values }) =>
    values
      .map((value, index) => {
        const below = base[index] ?? 0;
        base[index] = below + value;
        return value === 0 ? "" : bar(shape, index, width, below / top, (below + value) / top, height);
      })
      .join(""),
  );
}

function bar(shape: Histogram, index: number, width: number, low: number, high: number, height: number): string {
  const left = xOf(shape, width, shape.starts[index] ?? 0);
  const right = xOf(shape, width, shape.ends[index] ?? 0);
  const gap = right - left > 3 ? 1 : 0;
  const y = (height * (1 - high)).toFixed(1);
  const tall = Math.max(0.5, height * (high - low)).toFixed(1);
  const wide = Math.max(0.5, right - left - gap).toFixed(1);
  return `M${left.toFixed(1)} ${y}h${wide}v${tall}h-${wide}z`;
}
