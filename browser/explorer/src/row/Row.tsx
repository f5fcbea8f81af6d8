/** The open row: an action to the last digit, where it stands in the log, and a way to filter by each of its values. */

import { get } from "../api/client";
import type { Place } from "../api/types";
import { useData } from "../api/useData";
import { toast } from "../shell/toasts";
import { Problem } from "../shell/Problem";
import { remembered } from "../state/remembered";
import type { View, ViewProps } from "../state/view";
import { duration } from "../table/duration";
import { moment } from "../time/format";
import { Choose } from "./Choose";
import { member, readJson, type Json } from "./json";
import { Tree } from "./Tree";
import "./row.css";

interface Read {
  readonly place: Place;
  /** The action as it was sent; null where there is none. */
  readonly exact: Json | null;
}

export function Row({ view, update, id, stamp }: ViewProps & { readonly id: string }) {
  const { data, error, again } = useData(`${id} ${stamp}`, (signal) => readPlace(id, signal));
  const current = data?.place.id === id.toLowerCase() ? data : null;
  const action = current?.exact ?? known(id);
  if (error && !action) return <Problem error={error} again={again} />;
  if (!action) return current ? <p class="row-note">{current.place.reason}</p> : <p class="row-note muted">Reading…</p>;
  return (
    <div class="row">
      <Facts action={action} view={view} update={update} />
      <h3>Properties</h3>
      <Tree value={member(action, "properties") ?? { kind: "null", text: "null" }} path={[]} update={update} />
      <Buttons action={action} />
      {current && <Journey place={current.place} zone={view.zone} />}
      {error && <Problem error={error} again={again} />}
    </div>
  );
}

function readPlace(id: string, signal: AbortSignal): Promise<Read> {
  return get(`/log/${encodeURIComponent(id)}`, [], { signal, quiet: true }, async (response) => {
    const answer = await response.text();
    const exact = member(readJson(answer), "action");
    return { place: JSON.parse(answer) as Place, exact: exact?.kind === "object" ? exact : null };
  });
}

/** What the table has read of it: shown at once, until the exact one is there. */
function known(id: string): Json | null {
  const action = remembered(id);
  return action ? readJson(JSON.stringify(action)) : null;
}

function Facts({ action, view, update }: { readonly action: Json } & Pick<ViewProps, "view" | "update">) {
  const time = text(action, "time");
  return (
    <dl class="facts">
      <dt>Time</dt>
      <dd>
        <div>{moment(time, view.zone)}</div>
        <div class="mono muted exact-time">{time}</div>
      </dd>
      {(["type", "userId", "sessionId"] as const).map((field) => (
        <Fact key={field} field={field} value={text(action, field)} update={update} />
      ))}
    </dl>
  );
}

const NAMES = { type: "Type", userId: "User", sessionId: "Session" } as const;

interface FactProps {
  readonly field: keyof typeof NAMES;
  readonly value: string;
  readonly update: ViewProps["update"];
}

function Fact({ field, value, update }: FactProps) {
  return (
    <>
      <dt>{NAMES[field]}</dt>
      <dd>
        <bdi>{value}</bdi> <Choose field={field} value={value} update={update} />
      </dd>
    </>
  );
}

function Buttons({ action }: { readonly action: Json }) {
  const copy = async (what: string, said: string): Promise<void> => {
    try {
      await navigator.clipboard.writeText(what);
      toast(said);
    } catch {
      toast("The browser does not let this page copy.");
    }
  };
  return (
    <div class="row-buttons">
      <button type="button" onClick={() => void copy(print(action), "The action is copied.")}>
        Copy JSON
      </button>
      <button type="button" onClick={() => void copy(location.href, "The address is copied.")}>
        Copy link
      </button>
    </div>
  );
}

function Journey({ place, zone }: { readonly place: Place; readonly zone: View["zone"] }) {
  const { acceptedAt, storedAt, partition, offset } = place;
  const took = acceptedAt && storedAt ? (Date.parse(storedAt) - Date.parse(acceptedAt)) / 1000 : null;
  return (
    <dl class="facts small">
      <dt>Id</dt>
      <dd class="mono">{place.id}</dd>
      {acceptedAt && <dt>Accepted</dt>}
      {acceptedAt && <dd>{moment(acceptedAt, zone)}</dd>}
      {storedAt && <dt>Stored</dt>}
      {storedAt && (
        <dd>
          {moment(storedAt, zone)}
          {took !== null && took >= 0 && <span class="muted"> {duration(took)} later</span>}
        </dd>
      )}
      {partition !== null && <dt>In the log</dt>}
      {partition !== null && (
        <dd>
          partition {partition}, offset {offset}
        </dd>
      )}
    </dl>
  );
}

function text(action: Json, name: string): string {
  const value = member(action, name);
  return value?.kind === "string" ? value.value : "";
}

/** As JSON again, each number as it was spelt. */
function print(value: Json, indent = ""): string {
  const inner = `${indent}  `;
  if (value.kind === "string") return JSON.stringify(value.value);
  if (value.kind === "object") {
    const members = value.members.map((one) => `${inner}${JSON.stringify(one.name)}: ${print(one.value, inner)}`);
    return members.length === 0 ? "{}" : `{\n${members.join(",\n")}\n${indent}}`;
  }
  if (value.kind === "array") {
    const items = value.items.map((item) => `${inner}${print(item, inner)}`);
    return items.length === 0 ? "[]" : `[\n${items.join(",\n")}\n${indent}]`;
  }
  return value.text;
}
