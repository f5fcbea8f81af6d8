/** Ranges of time: what they are called, where they begin and end, moved and widened. Pure. */

import type { Range } from "../state/view";
import { rfc3339, shortMoment, type Zone } from "./format";

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000,
};
const UNIT_NAMES: Readonly<Record<string, string>> = { s: "second", m: "minute", h: "hour", d: "day", w: "week" };

/** What the picker offers, shortest first. */
export const USUAL = ["5m", "15m", "1h", "6h", "1d", "7d", "30d", "90d"] as const;

/** Milliseconds of `15m`; NaN when it is no such duration. */
export function duration(last: string): number {
  const [, number, unit = ""] = /^(\d{1,6})([smhdw])$/.exec(last) ?? [];
  return number ? Number(number) * (UNIT_MS[unit] ?? NaN) : NaN;
}

export function lastLabel(last: string): string {
  if (last === "1d") return "Last 24 hours";
  const [, number = "", unit = ""] = /^(\d+)(\w)$/.exec(last) ?? [];
  const name = UNIT_NAMES[unit] ?? unit;
  return number === "1" ? `Last ${name}` : `Last ${number} ${name}s`;
}

/** Where the range begins and ends, in ms; null where it is open. */
export function bounds(range: Range, nowMs: number): readonly [from: number | null, to: number | null] {
  if (range.kind === "all") return [null, null];
  if (range.kind === "last") return [nowMs - duration(range.last), null];
  return [parsed(range.from, nowMs), parsed(range.to, nowMs)];
}

/** A moment as the API takes it, absolute or relative to now. */
function parsed(moment: string, nowMs: number): number | null {
  if (moment === "") return null;
  if (moment === "now") return nowMs;
  if (moment.startsWith("-")) return nowMs - duration(moment.slice(1));
  const ms = Date.parse(moment);
  return Number.isFinite(ms) ? ms : null;
}

export function rangeLabel(range: Range, zone: Zone, nowMs: number): string {
  if (range.kind === "all") return "All time";
  if (range.kind === "last") return lastLabel(range.last);
  const [from, to] = bounds(range, nowMs);
  const first = from === null ? "" : shortMoment(from, zone);
  const second = to === null ? "" : shortMoment(to, zone);
  if (!first) return `Until ${second}`;
  if (!second) return `From ${first}`;
  const sameDay = first.slice(0, 10) === second.slice(0, 10);
  return `${first} – ${sameDay ? second.slice(11) : second}`;
}

export function absolute(fromMs: number, toMs: number): Range {
  return { kind: "absolute", from: rfc3339(fromMs), to: rfc3339(toMs) };
}

/** The range of the same length before (-1) or after (1) this one; as it is, when there is none. */
export function shifted(range: Range, direction: -1 | 1, nowMs: number): Range {
  if (direction === 1 && !endsBefore(range)) return range;
  const [from, to] = closed(range, nowMs);
  if (from === null || to === null) return range;
  const move = (to - from) * direction;
  return absolute(from + move, to + move);
}

/** Whether there is something after it: it does not go on as time does. */
export function endsBefore(range: Range): boolean {
  return range.kind === "absolute" && range.to !== "" && range.to !== "now";
}

/** Twice as long, around the same middle, but not into the future. */
export function widened(range: Range, nowMs: number): Range {
  const [from, to] = closed(range, nowMs);
  if (from === null || to === null) return { kind: "all" };
  const half = Math.max(500, (to - from) / 2);
  const end = Math.min(to + half, Math.max(nowMs, to));
  return absolute(Math.round(from - half), Math.round(end));
}

function closed(range: Range, nowMs: number): readonly [number | null, number | null] {
  const [from, to] = bounds(range, nowMs);
  return [from, to ?? (from === null ? null : nowMs)];
}
