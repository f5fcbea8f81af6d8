/** The drawn histogram: bars, axes, the bar pointed at, and a range of time chosen by dragging or with Shift+arrows. */

import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { count, shortCount, shortMoment, tick, type Zone } from "../time/format";
import { barAt, niceTop, paths, span, xOf, type Histogram } from "./histogram";
import { usePointer, type Pointer } from "./pointer";
import { ticks } from "./ticks";

const HEIGHT = 120;
const LEFT = 46;
const BELOW = 20;
const ABOVE = 8;

interface Props {
  readonly shape: Histogram;
  readonly zone: Zone;
  readonly choose: (fromMs: number, toMs: number) => void;
}

function useWidth(): [RefObject<HTMLDivElement | null>, number] {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!frame.current) return undefined;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);
  return [frame, Math.max(0, width - LEFT)];
}

function Axes({ shape, zone, width }: { shape: Histogram; zone: Zone; width: number }) {
  const top = niceTop(Math.max(0, ...shape.totals));
  const { stepMs, at } = ticks(shape.from, shape.to, Math.floor(width / 90), zone);
  const heights = top >= 2 ? [0, top / 2, top] : [0, top];
  return (
    <g class="chart-axes">
      {heights.map((value) => {
        const y = HEIGHT * (1 - value / top);
        return (
          <g key={value}>
            <line x1={0} x2={width} y1={y} y2={y} />
            <text x={-6} y={y + 4} text-anchor="end">
              {shortCount(value)}
            </text>
          </g>
        );
      })}
      {at.map((ms) => {
        const x = xOf(shape, width, ms);
        return (
          <text key={ms} x={x} y={HEIGHT + 15} text-anchor={x < 16 ? "start" : x > width - 16 ? "end" : "middle"}>
            {tick(ms, stepMs, zone)}
          </text>
        );
      })}
    </g>
  );
}

function words({ shape, zone }: Props, { first, last }: Pointer): string {
  const [from, to] = span(shape, first, last);
  const end = shortMoment(to, zone);
  const begin = shortMoment(from, zone);
  return `${begin} – ${end.slice(0, 10) === begin.slice(0, 10) ? end.slice(11) : end}`;
}

function sum(values: readonly number[], { first, last }: Pointer): number {
  return values.slice(Math.min(first, last), Math.max(first, last) + 1).reduce((all, one) => all + one, 0);
}

function Tip(props: Props & { readonly pointer: Pointer; readonly width: number }) {
  const { shape, pointer, width } = props;
  const [from, to] = span(shape, pointer.first, pointer.last);
  const middle = (xOf(shape, width, from) + xOf(shape, width, to)) / 2;
  const place = middle > width / 2 ? { right: `${width - middle + 14}px` } : { left: `${LEFT + middle + 14}px` };
  const present = shape.series.map((one) => ({ ...one, here: sum(one.values, pointer) })).filter(({ here }) => here > 0);
  return (
    <div class="chart-tip" style={place} role="status">
      <div class="muted">{words(props, pointer)}</div>
      <div>
        <b>{count(sum(shape.totals, pointer))}</b> actions
      </div>
      {present.reverse().map(({ key, label, colour, here }) => (
        <div key={key} class="chart-tip-line">
          <span class={`swatch ${colour}`} />
          <span class="chart-tip-label">{label}</span>
          <span>{count(here)}</span>
        </div>
      ))}
      {pointer.chosen && <div class="muted">{pointer.first === pointer.last ? "Enter shows this time" : "Release to show this time"}</div>}
    </div>
  );
}

function Marked({ shape, pointer, width }: { shape: Histogram; pointer: Pointer; width: number }) {
  const [from, to] = span(shape, pointer.first, pointer.last);
  const [left, right] = [xOf(shape, width, from), xOf(shape, width, to)];
  const kind = pointer.chosen ? "chart-chosen" : "chart-pointed";
  return <rect class={kind} x={left} y={0} width={Math.max(1, right - left)} height={HEIGHT} />;
}

function Drawing(props: Props & { readonly pointer: Pointer | null; readonly width: number }) {
  const { shape, zone, pointer, width } = props;
  const drawn = width > 0 ? paths(shape, width, HEIGHT) : [];
  return (
    <svg width={width + LEFT} height={HEIGHT + ABOVE + BELOW} aria-hidden="true">
      <g transform={`translate(${LEFT} ${ABOVE})`}>
        <Axes shape={shape} zone={zone} width={width} />
        {drawn.map((d, index) => (
          <path key={shape.series[index]?.key} class={shape.series[index]?.colour ?? ""} d={d} />
        ))}
        {pointer && <Marked shape={shape} pointer={pointer} width={width} />}
      </g>
    </svg>
  );
}

export function Plot(props: Props) {
  const [frame, width] = useWidth();
  const barOf = (event: PointerEvent): number => {
    const left = frame.current?.getBoundingClientRect().left ?? 0;
    return barAt(props.shape, width, event.clientX - left - LEFT);
  };
  const { pointer, handlers } = usePointer(props.shape, barOf, props.choose);
  return (
    <div
      ref={frame}
      class="chart-plot"
      role="group"
      tabIndex={0}
      aria-label="Actions over time. Arrow keys point at a bar, with Shift they choose several, Enter shows that time."
      {...handlers}
    >
      <Drawing {...props} pointer={pointer} width={width} />
      {pointer && <Tip {...props} pointer={pointer} width={width} />}
    </div>
  );
}
