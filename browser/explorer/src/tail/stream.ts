/** GET /log/tail, kept open: comes back where it was when it ends, with a pause that grows while that fails. */
import { ApiError, open } from "../api/client";
import type { Action } from "../api/types";
import type { Parameters } from "../state/view";
import { parseExact } from "../table/read";
import { SseParser, type SseEvent } from "./sse";

export interface Watcher {
  /** The actions of one piece of the stream, in the order in which they arrived. */
  arrived: (actions: readonly Action[]) => void;
  /** So many were not shown; null: nobody knows how many. */
  missed: (count: number | null) => void;
  /** `trouble`: why nothing comes for now; null: it comes. */
  connected: (trouble: string | null) => void;
  /** The API does not take the request: it is not asked again. */
  refused: (error: ApiError) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

/** Watches until the signal says stop. Never throws. */
export async function watch(parameters: Parameters, watcher: Watcher, signal: AbortSignal): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  let lastEventId = "";
  while (!signal.aborted) {
    const parser = new SseParser();
    parser.lastEventId = lastEventId;
    const ended = await readStream(parameters, parser, watcher, signal).catch((error: unknown) => error);
    if (signal.aborted) return;
    if (ended instanceof ApiError && ended.status >= 400 && ended.status < 500) return watcher.refused(ended);
    const gotSomewhere = parser.lastEventId !== lastEventId;
    pauseMs = gotSomewhere ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    lastEventId = parser.lastEventId;
    watcher.connected(ended instanceof ApiError ? ended.detail : "The connection ended; coming back.");
    await pause(pauseMs, signal);
  }
}

async function readStream(
  parameters: Parameters,
  parser: SseParser,
  watcher: Watcher,
  signal: AbortSignal,
): Promise<void> {
  const headers: Record<string, string> = parser.lastEventId ? { "Last-Event-ID": parser.lastEventId } : {};
  const response = await open("/log/tail", parameters, { headers, signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  watcher.connected(null);
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    tell(parser.push(part.value), watcher);
  }
}

function tell(events: readonly SseEvent[], watcher: Watcher): void {
  const actions = events.filter(({ name }) => name === "message").map(({ data }) => parseExact<Action>(data));
  if (actions.length > 0) watcher.arrived(actions);
  for (const { name, data } of events) {
    if (name !== "message") notice(name, JSON.parse(data) as Notice, watcher);
  }
}

interface Notice {
  readonly count?: number;
  readonly skipped?: number | null;
  readonly detail?: string;
}

function notice(name: string, told: Notice, watcher: Watcher): void {
  if (name === "missed") watcher.missed(told.count ?? null);
  if (name === "gap") watcher.missed(told.skipped ?? null);
  if (name === "problem") watcher.connected(told.detail ?? "The log cannot be read just now.");
  if (name === "recovered") watcher.connected(null);
}

/** Waits; less when the signal says stop. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds * (0.5 + Math.random() / 2));
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

