/** The live table: actions as they arrive. It pauses when somebody scrolls down to read, and tells what was missed. */

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Action } from "../api/types";
import { remember } from "../state/remembered";
import { apiParameters, filterParameters, type ViewProps } from "../state/view";
import { Grid, type Rows } from "../table/Grid";
import { readPage } from "../table/read";
import * as live from "./live";
import type { LiveState } from "./live";
import { watch } from "./stream";
import { count } from "../time/format";
import "./tail.css";

const GATHER_MS = 100; // arrivals are drawn ten times a second at most, however many there are
const FIRST_ROWS = 100;

export function Tail({ view, update, stamp }: ViewProps) {
  const subject = JSON.stringify([filterParameters(view.filters), stamp]);
  const [state, change] = useLive(view, subject);
  const onTop = useCallback((atTop: boolean) => change(atTop ? live.resume : live.pause), [change]);
  const [round, setRound] = useState(0);
  const goOn = (): void => {
    change(live.resume);
    setRound((before) => before + 1);
  };
  const end = (): void => update((now) => ({ ...now, live: false }));
  return (
    <>
      <Bar state={state} onGoOn={goOn} onEnd={end} />
      <Grid
        view={view}
        update={update}
        rows={useMemo(() => rowsOf(state.shown), [state.shown])}
        label="Actions as they arrive"
        subject={`${subject} ${round}`}
        busy={state.connection === "connecting"}
        onTop={onTop}
      >
        {state.shown.length === 0 && <p class="nothing muted">Nothing has arrived yet. What arrives shows here at once.</p>}
      </Grid>
    </>
  );
}

function rowsOf(shown: readonly Action[]): Rows {
  return {
    count: shown.length,
    more: false,
    at: (index) => shown[index],
    indexOf: (id) => shown.findIndex((action) => action.id === id),
  };
}

type Change = (step: (state: LiveState) => LiveState) => void;

/** The state of one stream; another subject begins another one. */
function useLive(view: ViewProps["view"], subject: string): readonly [LiveState, Change] {
  const [state, setState] = useState(live.NOTHING_YET);
  const change = useCallback<Change>((step) => setState(step), []);
  const looked = useRef(view);
  looked.current = view;
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const apply: Change = (step) => {
      if (!signal.aborted) change(step);
    };
    change(() => live.NOTHING_YET);
    const gather = gatherer((arrived) => apply((now) => live.arrive(now, arrived)));
    const watcher = {
      arrived: gather,
      missed: (count: number | null) => apply((now) => live.miss(now, count)),
      connected: (trouble: string | null) => apply((now) => live.connect(now, trouble)),
      refused: (error: Parameters<typeof live.refuse>[1]) => apply((now) => live.refuse(now, error)),
    };
    void watch(filterParameters(looked.current.filters), watcher, signal);
    void before(looked.current, signal).then((actions) => apply((now) => live.precede(now, actions)));
    return () => controller.abort();
  }, [subject, change]);
  return [state, change];
}

/** The newest of what was there already, so that the table is not empty; none of a range that has ended. */
async function before(view: ViewProps["view"], signal: AbortSignal): Promise<readonly Action[]> {
  if (view.range.kind === "absolute") return [];
  try {
    const asked = [...apiParameters(view), ["limit", String(FIRST_ROWS)] as const];
    return (await readPage(asked, signal)).actions;
  } catch {
    return []; // the stream tells what is wrong; without these rows the table only begins empty
  }
}

function gatherer(take: (arrived: readonly Action[]) => void): (arrived: readonly Action[]) => void {
  let gathered: Action[] = [];
  return (arrived) => {
    if (gathered.length === 0) {
      setTimeout(() => {
        remember(gathered);
        take(gathered);
        gathered = [];
      }, GATHER_MS);
    }
    gathered.push(...arrived);
  };
}

interface BarProps {
  readonly state: LiveState;
  readonly onGoOn: () => void;
  readonly onEnd: () => void;
}

const SAID: Readonly<Record<LiveState["connection"], string>> = {
  connecting: "Connecting…",
  open: "Live",
  broken: "Waiting",
  refused: "Refused",
};

function Bar({ state, onGoOn, onEnd }: BarProps) {
  const { connection, paused, trouble, waiting } = state;
  const said = connection === "open" && paused ? "Paused" : SAID[connection];
  return (
    <div class="live-bar" data-connection={connection} data-paused={paused}>
      <span class="live-state" role="status">
        <span class="live-dot" aria-hidden="true" /> {said}
        {trouble && <span class="muted live-why">{trouble}</span>}
      </span>
      <Missed state={state} />
      {paused && (
        <button type="button" class="primary" onClick={onGoOn}>
          {waiting.length > 0 ? `${count(waiting.length)} new — go on` : "Go on"}
        </button>
      )}
      <button type="button" onClick={onEnd}>
        Stop
      </button>
    </div>
  );
}

function Missed({ state }: { readonly state: LiveState }) {
  if (state.missed === 0 && !state.missedUnknown) return null;
  const known = state.missed > 0 ? count(state.missed) : "Some";
  return (
    <span class="live-missed" role="status" title="They are stored: stop, and they are in the table.">
      {known}
      {state.missed > 0 && state.missedUnknown ? " or more" : ""} not shown
    </span>
  );
}
