/** The options with their defaults. */

import type { Captured, EmitterOptions } from "./types";

const DEFAULTS = {
  key: "",
  name: "actionlog",
  // The service takes 1,000 actions and 1 MiB; an answer lists at most 100 wrong fields.
  maxActions: 100,
  maxBytes: 48_000,
  maxAgeMs: 2_000,
  maxQueueBytes: 8_000_000,
  capture: [] as readonly Captured[],
  pageName: (url: URL): string => url.pathname,
  respectDoNotTrack: true,
};

export type Settings = Omit<EmitterOptions, keyof typeof DEFAULTS> & typeof DEFAULTS;

export const settingsOf = (options: EmitterOptions): Settings => ({ ...DEFAULTS, ...options });
