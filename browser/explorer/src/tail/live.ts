/** What the live table shows: the actions that arrived, newest first, and what had to be left out.
 *
 * While it is paused, arrivals wait. Both lists are bounded: a page that is left open must not grow for ever.
 */
import type { ApiError } from "../api/client";
import type { Action } from "../api/types";

export const MOST_SHOWN = 5_000;
export const MOST_WAITING = 1_000;

export interface LiveState {
  /** Newest first. */
  readonly shown: readonly Action[];
  readonly waiting: readonly Action[];
  readonly paused: boolean;
  /** Actions that this page will not show: too many for the connection, or for the pause. */
  readonly missed: number;
  /** The stream could not say how many. */
  readonly missedUnknown: boolean;
  readonly connection: "connecting" | "open" | "broken" | "refused";
  /** Why, when it is broken or refused. */
  readonly trouble: string | null;
}

export const NOTHING_YET: LiveState = {
  shown: [],
  waiting: [],
  paused: false,
  missed: 0,
  missedUnknown: false,
  connection: "connecting",
  trouble: null,
};

/** `arrived` in the order of arrival. An action that was sent twice comes twice, under one id: it is shown once. */
export function arrive(state: LiveState, arrived: readonly Action[]): LiveState {
  const fresh = newestFirst(arrived, new Set([...state.shown, ...state.waiting].map(({ id }) => id)));
  if (!state.paused) return { ...state, shown: [...fresh, ...state.shown].slice(0, MOST_SHOWN) };
  const waiting = [...fresh, ...state.waiting];
  const over = Math.max(0, waiting.length - MOST_WAITING);
  return { ...state, waiting: waiting.slice(0, MOST_WAITING), missed: state.missed + over };
}

/** Actions that were there before, newest first: they go below. */
export function precede(state: LiveState, actions: readonly Action[]): LiveState {
  const known = new Set([...state.shown, ...state.waiting].map(({ id }) => id));
  return { ...state, shown: [...state.shown, ...actions.filter(({ id }) => !known.has(id))] };
}

export function pause(state: LiveState): LiveState {
  return state.paused ? state : { ...state, paused: true };
}

/** What waited is shown. */
export function resume(state: LiveState): LiveState {
  if (!state.paused) return state;
  return { ...state, paused: false, waiting: [], shown: [...state.waiting, ...state.shown].slice(0, MOST_SHOWN) };
}

export function miss(state: LiveState, count: number | null): LiveState {
  return count === null ? { ...state, missedUnknown: true } : { ...state, missed: state.missed + count };
}

export function connect(state: LiveState, trouble: string | null): LiveState {
  return { ...state, connection: trouble === null ? "open" : "broken", trouble };
}

export function refuse(state: LiveState, error: ApiError): LiveState {
  return { ...state, connection: "refused", trouble: error.detail };
}

function newestFirst(arrived: readonly Action[], known: Set<string>): Action[] {
  const fresh: Action[] = [];
  for (const action of arrived) {
    if (!known.has(action.id)) fresh.push(action);
    known.add(action.id);
  }
  return fresh.reverse();
}
