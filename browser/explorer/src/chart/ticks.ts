/** Where the axis of time has its marks: at full hours, midnights and first of months of the view's zone. Pure. */

import type { Zone } from "../time/format";

const MINUTE = 60_000;
const DAY = 86_400_000;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720].map((minutes) => minutes * MINUTE);
const DAYS = [1, 2, 7, 14];
const MONTHS = [1, 3, 6, 12, 24, 60];
const MOST = 200;

/** Step and marks (ms) from `from` to `to` so that there are at most `most` of them. */
export function ticks(from: number, to: number, most: number, zone: Zone): { stepMs: number; at: readonly number[] } {
  const wanted = (to - from) / Math.max(1, most);
  const small = STEPS.find((step) => step >= wanted);
  if (small) return { stepMs: small, at: within(from, to, ofDays(from, to, 1, zone).flatMap((day) => ofDay(day, small))) };
  const days = DAYS.find((step) => step * DAY >= wanted);
  if (days) return { stepMs: days * DAY, at: within(from, to, ofDays(from, to, days, zone)) };
  const months = MONTHS.find((step) => step * 30 * DAY >= wanted) ?? 120;
  return { stepMs: months * 30 * DAY, at: within(from, to, ofMonths(from, to, months, zone)) };
}

function within(from: number, to: number, marks: readonly number[]): readonly number[] {
  return marks.filter((mark) => mark >= from && mark <= to);
}

function ofDay(midnight: number, step: number): number[] {
  return Array.from({ length: DAY / step }, (_, index) => midnight + index * step);
}

function midnightAfter(ms: number, days: number, zone: Zone): number {
  const date = new Date(ms);
  return zone === "utc"
    ? Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + days)
    : new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
}

function ofDays(from: number, to: number, days: number, zone: Zone): number[] {
  const marks: number[] = [];
  for (let index = 0; index < MOST; index += 1) {
    const mark = midnightAfter(from, index * days, zone);
    if (mark > to) break;
    marks.push(mark);
  }
  return marks;
}

function ofMonths(from: number, to: number, months: number, zone: Zone): number[] {
  const date = new Date(from);
  const marks: number[] = [];
  for (let index = 0; index < MOST; index += 1) {
    const mark =
      zone === "utc"
        ? Date.UTC(date.getUTCFullYear(), index * months, 1)
        : new Date(date.getFullYear(), index * months, 1).getTime();
    if (mark > to) break;
    marks.push(mark);
  }
  return marks;
}
