/** The time range: back, forward, and a box with the usual ranges, one of one's own, and the zone. */

import { useState } from "preact/hooks";
import { Popover } from "../shell/Popover";
import { useKeys } from "../shell/keys";
import { sameRange, type Range, type ViewProps } from "../state/view";
import { absolute, bounds, duration, endsBefore, lastLabel, rangeLabel, shifted, USUAL } from "./range";
import { fromField, toField, zoneName, type Zone } from "./format";
import "./time.css";

type Choose = (range: Range) => void;

function Usual({ range, choose }: { range: Range; choose: Choose }) {
  const offered: Range[] = [...USUAL.map((last) => ({ kind: "last", last }) as const), { kind: "all" }];
  return (
    <div class="time-usual" role="group" aria-label="Usual ranges">
      {offered.map((one) => (
        <button
          key={JSON.stringify(one)}
          type="button"
          aria-pressed={sameRange(one, range)}
          data-first={sameRange(one, range) || undefined}
          onClick={() => choose(one)}
        >
          {one.kind === "last" ? lastLabel(one.last) : "All time"}
        </button>
      ))}
    </div>
  );
}

function OwnLast({ choose }: { choose: Choose }) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    const last = text.trim().replace(/^-/, "");
    if (duration(last) > 0) choose({ kind: "last", last });
    else setWrong(true);
  };
  return (
    <form class="time-own" onSubmit={submit}>
      <label>
        Last{" "}
        <input value={text} placeholder="45m" size={6} aria-invalid={wrong} onInput={(e) => setText(e.currentTarget.value)} />
      </label>
      <button type="submit">Show</button>
      {wrong && <p role="alert">A number and s, m, h, d or w: 45m.</p>}
    </form>
  );
}

function Absolute({ range, zone, choose }: { range: Range; zone: Zone; choose: Choose }) {
  const now = Date.now();
  const [from, to] = bounds(range, now);
  const [first, setFirst] = useState(toField(from ?? now - 86_400_000, zone));
  const [second, setSecond] = useState(toField(to ?? now, zone));
  const [wrong, setWrong] = useState("");
  const submit = (event: Event): void => {
    event.preventDefault();
    const [begin, end] = [fromField(first, zone), fromField(second, zone)];
    if (!Number.isFinite(begin) || !Number.isFinite(end)) setWrong("Both moments are needed.");
    else if (begin >= end) setWrong("The first moment has to be before the second.");
    else choose(absolute(begin, end));
  };
  return (
    <form class="time-absolute" onSubmit={submit}>
      <label>
        From
        <input type="datetime-local" step="1" value={first} onInput={(e) => setFirst(e.currentTarget.value)} />
      </label>
      <label>
        Until
        <input type="datetime-local" step="1" value={second} onInput={(e) => setSecond(e.currentTarget.value)} />
      </label>
      {wrong && <p role="alert">{wrong}</p>}
      <button type="submit" class="primary">
        Show this time
      </button>
    </form>
  );
}

function ZoneChoice({ view, update }: ViewProps) {
  const set = (zone: Zone): void => update((now) => ({ ...now, zone }), "replace");
  return (
    <div class="time-zone" role="group" aria-label="Zone of all times">
      {(["local", "utc"] as const).map((zone) => (
        <button key={zone} type="button" aria-pressed={view.zone === zone} onClick={() => set(zone)}>
          {zone === "utc" ? "UTC" : `Local, ${zoneName("local")}`}
        </button>
      ))}
    </div>
  );
}

export function TimeRange(props: ViewProps) {
  const { view, update } = props;
  const [open, setOpen] = useState(false);
  useKeys({ t: () => setOpen(true) });
  const choose: Choose = (range) => {
    setOpen(false);
    update((now) => ({ ...now, range }));
  };
  const shift = (direction: -1 | 1) => () => choose(shifted(view.range, direction, Date.now()));
  const fixed = view.range.kind === "all";
  return (
    <div class="time" role="group" aria-label="Time">
      <button type="button" class="time-step" aria-label="Earlier" disabled={fixed} onClick={shift(-1)}>
        ‹
      </button>
      <Popover label={rangeLabel(view.range, view.zone, Date.now())} name="Time range" open={open} onToggle={setOpen}>
        <Usual range={view.range} choose={choose} />
        <OwnLast choose={choose} />
        <Absolute key={view.zone} range={view.range} zone={view.zone} choose={choose} />
        <ZoneChoice {...props} />
      </Popover>
      <button type="button" class="time-step" aria-label="Later" disabled={!endsBefore(view.range)} onClick={shift(1)}>
        ›
      </button>
    </div>
  );
}
