/** The actions of the view, as far as somebody scrolls. */

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { apiParameters, type Parameters, type View, type ViewProps } from "../state/view";
import { Problem } from "../shell/Problem";
import { Grid } from "./Grid";
import { PAGE_ROWS, Pages, type Ending, type ReadPage } from "./pages";
import { readPage } from "./read";
import { count } from "../time/format";

export function Table({ view, update, stamp }: ViewProps) {
  const { pages, subject, stale } = usePages(view, stamp);
  const rows = {
    count: pages.count,
    more: pages.hasMore,
    at: (index: number) => pages.row(index),
    indexOf: (id: string) => pages.indexOf(id),
  };
  return (
    <Grid
      view={view}
      update={update}
      rows={rows}
      label="Actions"
      subject={subject}
      stale={stale}
      busy={pages.busy}
      onSight={(first, end) => pages.need(first, end + PAGE_ROWS / 2)}
    >
      <End pages={pages} view={view} update={update} />
    </Grid>
  );
}

interface Shown {
  readonly pages: Pages;
  /** What the pages are of. */
  readonly subject: string;
}

/** The pages of the view; those of the view before, as long as the first page of this one is on its way. */
function usePages(view: View, stamp: number): Shown & { readonly stale: boolean } {
  const [, redraw] = useState(0);
  const parameters = [...apiParameters(view), ["order", view.order] as const];
  const subject = JSON.stringify([parameters, stamp]);
  const asked = useRef<Shown | null>(null);
  const shown = useRef<Shown | null>(null);

  if (asked.current?.subject !== subject) {
    asked.current?.pages.close();
    const pages = new Pages(reader(parameters), explain, () => redraw((before) => before + 1));
    asked.current = { pages, subject };
  }
  const now = asked.current as Shown;
  useEffect(() => now.pages.need(0, 0), [now]);
  useEffect(() => () => asked.current?.pages.close(), []);

  if (now.pages.started || now.pages.ending || !shown.current) shown.current = now;
  return { ...shown.current, stale: shown.current !== now };
}

function reader(parameters: Parameters): ReadPage {
  return (cursor, limit, signal) => {
    const place: Parameters = cursor ? [["limit", String(limit)], ["cursor", cursor]] : [["limit", String(limit)]];
    return readPage([...parameters, ...place], signal);
  };
}

function explain(error: unknown): Ending {
  return error instanceof ApiError ? { kind: "error", error } : { kind: "cancelled" };
}

/** Below the last row: that it was the last, or why there are no more. */
function End({ pages, view, update }: { readonly pages: Pages } & Pick<ViewProps, "view" | "update">) {
  const again = (): void => pages.again();
  if (pages.ending?.kind === "error") return <Problem error={pages.ending.error} again={again} />;
  if (pages.ending) {
    return (
      <div class="ending">
        Cancelled.{" "}
        <button type="button" onClick={again}>
          Read on
        </button>
      </div>
    );
  }
  if (pages.hasMore) return <div class="ending muted">{pages.busy ? "Reading…" : ""}</div>;
  if (pages.count === 0) return <Nothing view={view} update={update} />;
  const end = view.order === "desc" ? "the oldest" : "the newest";
  return <div class="ending muted">{count(pages.count)} actions; this is {end}.</div>;
}

function Nothing({ view, update }: Pick<ViewProps, "view" | "update">) {
  const narrowed = view.range.kind !== "all";
  return (
    <div class="nothing">
      <p>No action meets this.</p>
      {view.filters.length > 0 && (
        <button type="button" onClick={() => update((now) => ({ ...now, filters: [] }))}>
          Remove the filters
        </button>
      )}
      {narrowed && (
        <button type="button" onClick={() => update((now) => ({ ...now, range: { kind: "all" } }))}>
          Look at all time
        </button>
      )}
      {!narrowed && view.filters.length === 0 && (
        <p class="muted">Nothing is stored yet. POST /log takes actions; they are here half a second later.</p>
      )}
    </div>
  );
}
