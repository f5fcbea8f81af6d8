/** What figures of the pipeline mean to somebody who glances at the corner. */
import type { Pipeline } from "../api/types";
import { duration } from "../table/duration";
import { count } from "../time/format";

export interface Health {
  readonly level: "good" | "slow" | "bad" | "unknown";
  readonly said: string;
  /** More words, where there are any. */
  readonly why: string | null;
}

const SLOW_S = 10;
const BAD_S = 120;
const OLD_S = 30; // the service's own reading: older than that, nobody knows

export function judge(pipeline: Pipeline | null, failure: string | null): Health {
  if (failure) return { level: "unknown", said: "The pipeline cannot be asked", why: failure };
  if (!pipeline) return { level: "unknown", said: "Asking…", why: null };
  const { lagRecords, lagSeconds, ageSeconds, trouble } = pipeline;
  if (trouble) return { level: "bad", said: "The pipeline is in trouble", why: trouble };
  if (ageSeconds > OLD_S) {
    return { level: "unknown", said: "Not known now", why: `The last reading is ${duration(ageSeconds)} old.` };
  }
  if (lagSeconds === null && lagRecords === null) return { level: "unknown", said: "Not known yet", why: null };
  if (lagRecords === 0) return { level: "good", said: "All is stored", why: null };
  if (lagSeconds === null) return { level: "slow", said: `${count(lagRecords ?? 0)} records behind`, why: null };
  if (lagSeconds < SLOW_S) {
    return { level: "good", said: lagSeconds < 0.05 ? "All is stored" : `${duration(lagSeconds)} behind`, why: null };
  }
  const why = "Actions are safe in the log, and shown as soon as they are stored.";
  return { level: lagSeconds < BAD_S ? "slow" : "bad", said: `${duration(lagSeconds)} behind`, why };
}
