/** The head of the page: its name, the time, the filter line, live or not, and what else there is. */

import type { FieldUse } from "../api/types";
import { key, setKey } from "../api/key";
import { FilterLine, type Editing } from "../filters/FilterLine";
import { DEFAULT_VIEW, type Panel, type ViewProps } from "../state/view";
import { TimeRange } from "../time/TimeRange";
import { toggleTheme } from "./theme";

interface Props extends ViewProps {
  readonly fields: readonly FieldUse[];
  readonly editing: Editing;
  readonly refresh: () => void;
}

function Tools({ update, refresh }: Props) {
  const show = (panel: Panel) => () => update((now) => ({ ...now, panel }));
  const forget = (): void => {
    setKey("");
    refresh();
  };
  return (
    <div class="head-tools" role="group" aria-label="More">
      <button type="button" class="quiet" title="Where is my action? (i)" onClick={show("place")}>
        Find by id
      </button>
      <button type="button" class="quiet" title="Dead letters (d)" onClick={show("letters")}>
        Dead letters
      </button>
      <button type="button" class="quiet" title="This view as curl, SQL, Python (c)" onClick={show("code")}>
        Code
      </button>
      {key() && (
        <button type="button" class="quiet" title="Forget the read key of this tab" onClick={forget}>
          Sign out
        </button>
      )}
      <button type="button" class="quiet icon" aria-label="Dark or light" title="Dark or light (m)" onClick={toggleTheme}>
        ◐
      </button>
      <button type="button" class="quiet icon" aria-label="Keyboard" title="Keyboard (?)" onClick={show("keys")}>
        ?
      </button>
    </div>
  );
}

export function Head(props: Props) {
  const { view, update, refresh } = props;
  const home = (event: Event): void => {
    event.preventDefault();
    update(() => DEFAULT_VIEW);
  };
  return (
    <header class="head">
      <a class="brand" href="/" onClick={home}>
        <h1>Actionlog</h1>
      </a>
      <TimeRange {...props} />
      <button type="button" class="icon" aria-label="Refresh" title="Read again (r)" onClick={refresh}>
        ↻
      </button>
      <FilterLine {...props} />
      <button
        type="button"
        class="live"
        aria-pressed={view.live}
        title="Actions as they arrive (l)"
        onClick={() => update((now) => ({ ...now, live: !now.live }))}
      >
        <span class="live-dot" aria-hidden="true" /> Live
      </button>
      <Tools {...props} />
    </header>
  );
}
