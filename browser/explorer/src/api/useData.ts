/** One answer of the API in a component: the last one stays while the next is on its way. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, isAbort } from "./client";

export interface Loaded<T> {
  readonly data: T | null;
  readonly error: ApiError | null;
  readonly busy: boolean;
  /** The person cancelled it; `data` is what was there before. */
  readonly cancelled: boolean;
  readonly again: () => void;
}

interface State<T> {
  readonly data: T | null;
  readonly error: ApiError | null;
  readonly busy: boolean;
  readonly cancelled: boolean;
}

/** Loads when `what` (all that the request depends on) changes; a request that is no longer wanted is cancelled. */
export function useData<T>(what: string | null, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<State<T>>({ data: null, error: null, busy: what !== null, cancelled: false });
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;

  useEffect(() => {
    if (what === null) return undefined;
    const controller = new AbortController();
    setState((before) => ({ ...before, busy: true, cancelled: false }));
    latest
      .current(controller.signal)
      .then((data) => {
        if (!controller.signal.aborted) setState({ data, error: null, busy: false, cancelled: false });
      })
      .catch((error: unknown) => {
        if (controller.signal.aborted) return;
        const failed = error instanceof ApiError ? error : null;
        if (!failed && !isAbort(error)) throw error;
        setState((before) => ({ ...before, error: failed, busy: false, cancelled: failed === null }));
      });
    return () => controller.abort();
  }, [what, round]);

  const again = useCallback(() => setRound((before) => before + 1), []);
  return { ...state, again };
}
