/** Two buttons beside a value: only actions with it, or only others. */

import { filterStep, type Op, type ViewProps } from "../state/view";
import { isNarrow } from "../table/virtual";

interface Props {
  readonly field: string;
  readonly value: string;
  readonly update: ViewProps["update"];
}

const MOST_CHARACTERS = 2_000; // longer values make addresses that no server takes

export function Choose({ field, value, update }: Props) {
  if (value.length > MOST_CHARACTERS) return null;
  const choose = (op: Op) => (): void =>
    update((view) => {
      const next = filterStep(field, op, value)(view);
      return isNarrow() ? { ...next, open: null } : next; // there the row covers what the filter changes
    });
  const said = `${field} ${value.length > 60 ? `${value.slice(0, 60)}…` : value}`;
  return (
    <span class="choose">
      <button type="button" class="quiet" aria-label={`Filter by ${said}`} title="Filter by this value" onClick={choose("is")}>
        =
      </button>
      <button type="button" class="quiet" aria-label={`Exclude ${said}`} title="Exclude this value" onClick={choose("not")}>
        ≠
      </button>
    </span>
  );
}
