/** The filters of the view, each a chip: its words lead back to the line, its cross removes it. */

import type { Filter, ViewProps } from "../state/view";
import { filterText, filterWords } from "./grammar";
import "./filters.css";

interface Props extends ViewProps {
  readonly edit: (text: string) => void;
}

interface ChipProps {
  readonly filter: Filter;
  readonly change: () => void;
  readonly remove: () => void;
}

function Chip({ filter, change, remove }: ChipProps) {
  const [field, op, values] = filterWords(filter);
  const excludes = filter.op === "not" || filter.op === "missing";
  return (
    <li class={excludes ? "chip chip-not" : "chip"}>
      <button type="button" class="chip-words" title="Change this filter" onClick={change}>
        <span class="muted">{field}</span> {op} <b>{values}</b>
      </button>
      <button
        type="button"
        class="chip-remove"
        aria-label={`Remove the filter ${[field, op, values].join(" ").trim()}`}
        onClick={remove}
      >
        ✕
      </button>
    </li>
  );
}

export function Chips({ view, update, edit }: Props) {
  if (view.filters.length === 0) return null;
  const remove = (gone: Filter): void =>
    update((now) => ({ ...now, filters: now.filters.filter((filter) => filter !== gone) }));
  const change = (filter: Filter): void => {
    remove(filter);
    edit(filterText(filter));
  };
  return (
    <section aria-label="Chosen filters">
      <ul class="chips" aria-label="Filters">
        {view.filters.map((filter) => (
          <Chip
            key={`${filter.field} ${filter.op}`}
            filter={filter}
            change={() => change(filter)}
            remove={() => remove(filter)}
          />
        ))}
        {view.filters.length > 1 && (
          <li>
            <button type="button" class="quiet" onClick={() => update((now) => ({ ...now, filters: [] }))}>
              Remove all
            </button>
          </li>
        )}
      </ul>
    </section>
  );
}
