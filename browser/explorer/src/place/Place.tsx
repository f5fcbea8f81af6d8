/** Where is my action? By its id: on its way, stored, put aside, or unknown, and what that can mean. */

import { useEffect, useState } from "preact/hooks";
import { getJson } from "../api/client";
import type { Place as Found } from "../api/types";
import { useData } from "../api/useData";
import { Problem } from "../shell/Problem";
import type { View, ViewProps } from "../state/view";
import { duration } from "../table/duration";
import { moment } from "../time/format";
import "./place.css";

const LOOK_AGAIN_MS = 1_000;

export function Place({ view, update, stamp }: ViewProps) {
  const [typed, setTyped] = useState(view.find);
  const [looks, setLooks] = useState(0); // the same id is looked for again, too
  useEffect(() => setTyped(view.find), [view.find]);
  const look = (event: Event): void => {
    event.preventDefault();
    setLooks((before) => before + 1);
    update((now) => ({ ...now, find: typed.trim() }));
  };
  return (
    <div class="place">
      <form onSubmit={look}>
        <label>
          <span class="muted">The id that the action was sent with, or that POST /log answered</span>
          <input
            class="mono"
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
            placeholder="0192f0c1-5d3a-7c1e-9b1f-3a5d0c9e7b21"
            autofocus
            spellcheck={false}
            autocomplete="off"
          />
        </label>
        <button type="submit" class="primary" disabled={typed.trim() === ""}>
          Find
        </button>
      </form>
      {view.find !== "" && <Answer key={view.find} view={view} update={update} stamp={stamp} looks={looks} />}
    </div>
  );
}

function Answer({ view, update, stamp, looks }: ViewProps & { readonly looks: number }) {
  const { data, error, again } = useData(`${view.find} ${stamp} ${looks}`, (signal) =>
    getJson<Found>(`/log/${encodeURIComponent(view.find)}`, [], { signal }),
  );
  const onItsWay = data?.state === "in-flight";
  useEffect(() => {
    if (!onItsWay) return undefined;
    const timer = setTimeout(again, LOOK_AGAIN_MS);
    return () => clearTimeout(timer);
  }, [onItsWay, data, again]);
  if (error) return <Problem error={error} again={again} />;
  if (!data) return <p class="muted">Looking…</p>;
  const show = (): void => update((now) => ({ ...now, open: data.id, panel: null }));
  return (
    <div class="place-answer" role="status" data-state={data.state}>
      <h3>{HEADINGS[data.state]}</h3>
      <ol class="way">
        {steps(data, view.zone).map(({ name, told, reached }) => (
          <li key={name} data-reached={reached}>
            <strong>{name}</strong>
            <span class="muted">{told}</span>
          </li>
        ))}
      </ol>
      {data.reason && <p class="place-reason">{data.reason}</p>}
      {data.action && (
        <button type="button" class="primary" onClick={show}>
          Open the action
        </button>
      )}
    </div>
  );
}

const HEADINGS: Readonly<Record<Found["state"], string>> = {
  stored: "It is stored.",
  "in-flight": "It is on its way, and will be stored.",
  "dead-lettered": "It was put aside.",
  unknown: "Nothing here has this id.",
};

interface Stop {
  readonly name: string;
  readonly told: string;
  readonly reached: "yes" | "no" | "bad";
}

/** The stops on an action's way, and how far this one came. */
function steps(found: Found, zone: View["zone"]): readonly Stop[] {
  const inLog = found.partition !== null;
  const at = found.storedAt ? moment(found.storedAt, zone) : "";
  const last: Stop =
    found.state === "dead-lettered"
      ? { name: "Put aside", told: at, reached: "bad" }
      : { name: "Stored", told: found.state === "stored" ? at + later(found) : "", reached: found.state === "stored" ? "yes" : "no" };
  return [
    { name: "Accepted", told: found.acceptedAt ? moment(found.acceptedAt, zone) : "", reached: inLog ? "yes" : "no" },
    { name: "In the log", told: inLog ? `partition ${found.partition}, offset ${found.offset}` : "", reached: inLog ? "yes" : "no" },
    last,
  ];
}

function later({ acceptedAt, storedAt }: Found): string {
  if (!acceptedAt || !storedAt) return "";
  const seconds = (Date.parse(storedAt) - Date.parse(acceptedAt)) / 1000;
  return seconds >= 0 ? `, ${duration(seconds)} later` : "";
}
