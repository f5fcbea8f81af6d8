/** Actions as lines that scroll, however many there are: of the table and of the live one. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Action } from "../api/types";
import { useKeys } from "../shell/keys";
import type { View, ViewProps } from "../state/view";
import { Line, lineId } from "./Line";
import { reveal, useRowHeight, useSight } from "./virtual";
import "./table.css";

const HEADER_PX = 32;

export interface Rows {
  readonly count: number;
  /** Whether more follow that are not known yet. */
  readonly more: boolean;
  readonly at: (index: number) => Action | undefined;
  readonly indexOf: (id: string) => number;
}

interface Props {
  readonly view: View;
  readonly update: ViewProps["update"];
  readonly rows: Rows;
  readonly label: string;
  /** What the rows are of: another one begins at the top. */
  readonly subject: string;
  /** Rows of what was asked before, while the new ones are on their way. */
  readonly stale?: boolean;
  readonly busy?: boolean;
  /** The rows in sight changed. */
  readonly onSight?: (first: number, end: number) => void;
  readonly onTop?: (atTop: boolean) => void;
  /** Below the last row. */
  readonly children?: ComponentChildren;
}

export function Grid(props: Props) {
  const { view, rows } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const height = useRowHeight();
  const sight = useSight(scroller, height, rows.count);
  const cursor = useCursor(props, scroller, height);

  useEffect(() => props.onSight?.(sight.first, sight.end), [sight.first, sight.end, rows.count, props.subject]);
  useEffect(() => props.onTop?.(sight.top < height / 2), [sight.top < height / 2]);
  useEffect(() => {
    if (scroller.current) scroller.current.scrollTop = 0;
  }, [props.subject]);

  const lines = Array.from({ length: Math.max(0, sight.end - sight.first) }, (_, at) => sight.first + at);
  const active = rows.at(cursor.index);
  return (
    <div class="scroller" ref={scroller} data-stale={props.stale ?? false}>
      <div
        class="grid"
        role="grid"
        tabIndex={0}
        aria-label={props.label}
        aria-rowcount={rows.more ? -1 : rows.count + 1}
        aria-busy={props.busy ?? false}
        {...(active && cursor.index >= sight.first && cursor.index < sight.end
          ? { "aria-activedescendant": lineId(active) }
          : {})}
      >
        <Header view={view} update={props.update} />
        <div class="lines" role="rowgroup" style={{ height: `${rows.count * height}px` }}>
          {lines.map((index) => {
            const action = rows.at(index);
            return (
              <Line
                key={action?.id ?? index}
                action={action}
                index={index}
                height={height}
                zone={view.zone}
                selected={index === cursor.index}
                open={action !== undefined && action.id === view.open}
                onOpen={cursor.open}
              />
            );
          })}
        </div>
      </div>
      {props.children}
    </div>
  );
}

function Header({ view, update }: Pick<Props, "view" | "update">) {
  const newest = view.order === "desc" || view.live;
  const turn = (): void => update((now) => ({ ...now, order: now.order === "desc" ? "asc" : "desc" }));
  return (
    <div role="rowgroup" class="header-group">
      <div class="header" role="row" aria-rowindex={1}>
        <div class="cell col-time" role="columnheader" aria-sort={newest ? "descending" : "ascending"}>
          <button type="button" class="quiet" onClick={turn} disabled={view.live} title="Newest or oldest first">
            Time {newest ? "↓" : "↑"}
          </button>
        </div>
        {["Type", "User", "Session", "Properties"].map((name) => (
          <div key={name} class={`cell col-${name.toLowerCase()}`} role="columnheader">
            {name}
          </div>
        ))}
      </div>
    </div>
  );
}

interface Cursor {
  readonly index: number;
  readonly open: (action: Action, index: number) => void;
}

/** The row that the keyboard is on: by its id, since live rows move. An open row is it, and j and k open the next. */
function useCursor({ view, update, rows }: Props, scroller: { readonly current: HTMLElement | null }, height: number): Cursor {
  const [own, setOwn] = useState<{ readonly id: string; readonly index: number } | null>(null);
  const id = view.open ?? own?.id ?? null;
  const found = id === null ? -1 : rows.indexOf(id);
  const index = found >= 0 || view.open !== null ? found : -1;

  const open = (action: Action, at: number): void => {
    setOwn({ id: action.id, index: at });
    update((now) => ({ ...now, open: now.open === action.id ? null : action.id }));
  };
  const move = (by: number): boolean => {
    const from = index >= 0 ? index : (own?.index ?? -1);
    const next = Math.min(Math.max(from + by, 0), rows.count - 1);
    const action = rows.at(next);
    if (!action) return false;
    setOwn({ id: action.id, index: next });
    // From a button, where a closed dialog has left the focus: Enter would press that again.
    if (!inGrid(scroller.current)) scroller.current?.querySelector<HTMLElement>("[role=grid]")?.focus({ preventScroll: true });
    if (view.open !== null) update((now) => ({ ...now, open: action.id }), "replace");
    if (scroller.current) reveal(scroller.current, next, height, HEADER_PX);
    return true;
  };
  const here = (): boolean => document.activeElement === document.body || inGrid(scroller.current);
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => here() && move(1),
    ArrowUp: () => here() && move(-1),
    Enter: () => {
      const action = rows.at(index);
      if (!action) return false;
      open(action, index);
      return true;
    },
  });
  return { index, open };
}

function inGrid(scroller: HTMLElement | null): boolean {
  return scroller !== null && scroller.contains(document.activeElement);
}
