/** How moments and numbers are written: ISO-like, in the zone of the view, so that they compare and sort by eye. */

import type { View } from "../state/view";

export type Zone = View["zone"];

const LOCAL = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const formats = new Map<string, Intl.DateTimeFormat>();

/** The IANA name of the zone, as the API takes it. */
export function zoneName(zone: Zone): string {
  return zone === "utc" ? "UTC" : LOCAL;
}

function parts(ms: number, zone: Zone): Record<string, string> {
  const name = zoneName(zone);
  const format =
    formats.get(name) ??
    new Intl.DateTimeFormat("en-GB", {
      timeZone: name, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
    });
  formats.set(name, format);
  return Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
}

/** `2026-11-25 12:49:28.123`; what is no moment comes back as it is. */
export function moment(time: string | number, zone: Zone): string {
  const ms = typeof time === "number" ? time : Date.parse(time);
  if (!Number.isFinite(ms)) return String(time);
  const p = parts(ms, zone);
  return `${p["year"]}-${p["month"]}-${p["day"]} ${p["hour"]}:${p["minute"]}:${p["second"]}.${p["fractionalSecond"]}`;
}

/** As `moment`, without the seconds' fraction, and without seconds where they are 0. */
export function shortMoment(ms: number, zone: Zone): string {
  return moment(ms, zone).replace(/(:00)?\.\d+$/, "");
}

/** For an axis with steps of `stepMs`: `12:30`, at midnight and for steps of days `25 Nov`, of a year's first `2027`. */
export function tick(ms: number, stepMs: number, zone: Zone): string {
  const p = parts(ms, zone);
  const atMidnight = p["hour"] === "00" && p["minute"] === "00";
  if (stepMs < 86_400_000 && !atMidnight) return `${p["hour"]}:${p["minute"]}`;
  if (stepMs > 28 * 86_400_000) return `${p["year"]}-${p["month"]}`;
  return `${p["day"]} ${MONTHS[Number(p["month"]) - 1] ?? ""}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The value of a `datetime-local` field, and back to milliseconds, in the zone. */
export function toField(ms: number, zone: Zone): string {
  return moment(ms, zone).replace(" ", "T").replace(/\.\d+$/, "");
}

export function fromField(value: string, zone: Zone): number {
  return Date.parse(zone === "utc" ? `${value}Z` : value);
}

/** RFC 3339 in UTC, without a fraction where it is 0: short in a URL. */
export function rfc3339(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

const plain = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export function count(n: number): string {
  return plain.format(n);
}

export function shortCount(n: number): string {
  return n < 10_000 ? plain.format(n) : compact.format(n);
}
