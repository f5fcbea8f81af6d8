/** A moment with the page's own offset from UTC, which the service keeps: `2018-10-18T21:37:28.000-06:00`. */

const MINUTE_MS = 60_000;

const iso = (ms: number): string => new Date(ms).toISOString();

/** Throws RangeError for what is no moment. */
export const rfc3339 = (ms: number): string => {
  const offsetMs = -new Date(ms).getTimezoneOffset() * MINUTE_MS;
  const hoursAndMinutes = iso(Math.abs(offsetMs)).slice(11, 16);
  return iso(ms + offsetMs).slice(0, -1) + (offsetMs < 0 ? "-" : "+") + hoursAndMinutes;
};
