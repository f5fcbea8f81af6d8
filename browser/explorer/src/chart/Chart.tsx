/** The chart: how many actions over time, stacked by a field; its legend filters, dragging over it chooses a time. */

import { useEffect, useRef, useState } from "preact/hooks";
import { getJson } from "../api/client";
import type { Counts, FieldUse } from "../api/types";
import { useData } from "../api/useData";
import { fieldLabel } from "../filters/grammar";
import { groupBy } from "../facets/values";
import { Problem } from "../shell/Problem";
import {
  apiParameters, filterStep, INTERVALS, PLAIN_FIELDS, type Interval, type Parameters, type Step, type ViewProps,
} from "../state/view";
import { count, shortCount, zoneName } from "../time/format";
import { absolute, widened } from "../time/range";
import { histogram, type Histogram, type Series } from "./histogram";
import { Plot } from "./Plot";
import "./chart.css";

const SERIES = 6;
const LIVE_EVERY_MS = 5000;

interface Props extends ViewProps {
  readonly fields: readonly FieldUse[];
}

/** Counts up while the view is live and the page is seen; not before the last answer, and at most a tenth of the
 * time is spent on it, so that a page left open over millions of actions is no load. */
function useBeat(live: boolean, tookMs: number | null): number {
  const [beat, setBeat] = useState(0);
  useEffect(() => {
    if (!live || tookMs === null) return undefined;
    const next = (): void => {
      if (!document.hidden) setBeat((before) => before + 1);
    };
    const timer = setInterval(next, Math.max(LIVE_EVERY_MS, 10 * tookMs));
    return () => clearInterval(timer);
  }, [live, tookMs]);
  return beat;
}

function useHistogram({ view, stamp }: ViewProps) {
  const parameters: Parameters = [
    ...apiParameters(view),
    ["interval", view.interval],
    ["groupBy", groupBy(view.group)],
    ["limit", String(SERIES)],
    ["timeZone", zoneName(view.zone)],
  ];
  const [tookMs, setTookMs] = useState<number | null>(null);
  const beat = useBeat(view.live, tookMs);
  const answered = useRef(beat);
  return useData(JSON.stringify([parameters, stamp, beat]), async (signal) => {
    const asked = Date.now();
    const quiet = beat !== answered.current;
    answered.current = beat;
    setTookMs(null);
    try {
      const counts = await getJson<Counts>("/log/counts", parameters, { signal, quiet, polled: quiet });
      return histogram(counts, view, asked);
    } finally {
      if (!signal.aborted) setTookMs(Date.now() - asked);
    }
  });
}

function legendStep(field: string, { value }: Series): Step {
  return value === null ? filterStep(field, "missing") : filterStep(field, "is", value ?? "");
}

function Legend({ shape, update }: Pick<ViewProps, "update"> & { readonly shape: Histogram }) {
  return (
    <ul class="legend" aria-label={`By ${fieldLabel(shape.group)}`}>
      {shape.series.map((series) => (
        <li key={series.key}>
          <button
            type="button"
            class="quiet"
            disabled={series.value === undefined}
            title={`${series.label}: ${count(series.total)}`}
            onClick={() => update(legendStep(shape.group, series))}
          >
            <span class={`swatch ${series.colour}`} aria-hidden="true" />
            <span class="legend-label">{series.label}</span> <span class="muted">{shortCount(series.total)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Choices({ view, update, fields, shape }: Props & { readonly shape: Histogram | null }) {
  const groups = [...new Set([...PLAIN_FIELDS, view.group, ...fields.map(({ path }) => path)])];
  return (
    <div class="chart-choices">
      <label>
        by{" "}
        <select
          aria-label="Stack by"
          value={view.group}
          onChange={(e) => update((now) => ({ ...now, group: e.currentTarget.value }))}
        >
          {groups.map((field) => (
            <option key={field} value={field}>
              {fieldLabel(field)}
            </option>
          ))}
        </select>
      </label>
      <label>
        per{" "}
        <select
          aria-label="Bar per"
          value={view.interval}
          onChange={(e) => update((now) => ({ ...now, interval: e.currentTarget.value as Interval }))}
        >
          {INTERVALS.map((interval) => (
            <option key={interval} value={interval}>
              {interval === "auto" && shape?.interval ? `auto (${shape.interval})` : interval}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        disabled={view.range.kind === "all"}
        onClick={() => update((now) => ({ ...now, range: widened(now.range, Date.now()) }))}
      >
        Zoom out
      </button>
    </div>
  );
}

export function Chart(props: Props) {
  const { view, update } = props;
  const { data: shape, error, busy: asking, cancelled, again } = useHistogram(props);
  const busy = asking && !(view.live && shape); // a live chart does not fade at every beat
  const choose = (from: number, to: number): void =>
    update((now) => ({ ...now, range: absolute(Math.floor(from), Math.ceil(to)), interval: "auto" }));
  return (
    <section class={busy ? "chart busy" : "chart"} aria-label="Chart" aria-busy={busy}>
      <header class="chart-head">
        <p class="chart-total" role="status">
          <b>{shape ? count(shape.total) : "…"}</b> actions
        </p>
        <Choices {...props} shape={shape} />
      </header>
      {error && <Problem error={error} again={again} />}
      {cancelled && (
        <p class="chart-cancelled" role="status">
          Cancelled. <button type="button" onClick={again}>Count again</button>
        </p>
      )}
      <div class="chart-frame">
        {shape && shape.total > 0 && !error && <Plot shape={shape} zone={view.zone} choose={choose} />}
        {shape?.total === 0 && !busy && !error && <p class="chart-empty muted">No actions in this time</p>}
      </div>
      {shape && !error && <Legend shape={shape} update={update} />}
    </section>
  );
}
