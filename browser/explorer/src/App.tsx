/** The page: one screen. It holds the view; everything else is given it and asks for steps. */

import { useCallback, useState } from "preact/hooks";
import { Chart } from "./chart/Chart";
import { Code } from "./code/Code";
import { Facets, type FacetsProps } from "./facets/Facets";
import { useFields } from "./facets/fields";
import { Chips } from "./filters/Chips";
import { Health } from "./health/Health";
import { Letters } from "./letters/Letters";
import { Place } from "./place/Place";
import { Row } from "./row/Row";
import { Head } from "./shell/Head";
import { KeyboardMap } from "./shell/KeyboardMap";
import { KeyDialog } from "./shell/KeyDialog";
import { useKeys } from "./shell/keys";
import { Aside, Modal } from "./shell/Panel";
import { Cancel, cancelRequests, Progress } from "./shell/Progress";
import { toggleTheme } from "./shell/theme";
import { Toasts } from "./shell/toasts";
import { useView } from "./state/history";
import type { Panel, ViewProps } from "./state/view";
import { Table } from "./table/Table";
import { Tail } from "./tail/Tail";
import { shifted } from "./time/range";

const PANEL_TITLES: Readonly<Record<Panel, string>> = {
  place: "Where is my action?",
  letters: "Dead letters",
  code: "This view as code",
  keys: "Keyboard",
};
/** Below this width (px) the facets are a sheet over the rest, closed at first. */
const NARROW = 820;

function PanelBody({ panel, ...props }: ViewProps & { readonly panel: Panel }) {
  if (panel === "place") return <Place {...props} />;
  if (panel === "letters") return <Letters {...props} />;
  if (panel === "code") return <Code {...props} />;
  return <KeyboardMap />;
}

function OpenRow(props: ViewProps) {
  const { view, update } = props;
  if (view.open === null) return null;
  return (
    <Aside title="Action" onClose={() => update((now) => ({ ...now, open: null }))}>
      <Row {...props} id={view.open} />
    </Aside>
  );
}

function OpenPanel(props: ViewProps) {
  const { view, update } = props;
  if (view.panel === null) return null;
  const close = (): void => update((now) => ({ ...now, panel: null }));
  return (
    <Modal key={view.panel} title={PANEL_TITLES[view.panel]} onClose={close}>
      <PanelBody {...props} panel={view.panel} />
    </Modal>
  );
}

function usePageKeys({ update }: ViewProps, refresh: () => void, toggleFacets: () => void): void {
  const show = (panel: Panel) => () => update((now) => ({ ...now, panel }));
  const shift = (direction: -1 | 1) => () =>
    update((now) => ({ ...now, range: shifted(now.range, direction, Date.now()) }));
  useKeys({
    r: refresh,
    f: toggleFacets,
    l: () => update((now) => ({ ...now, live: !now.live })),
    m: toggleTheme,
    i: show("place"),
    d: show("letters"),
    c: show("code"),
    "?": show("keys"),
    "[": shift(-1),
    "]": shift(1),
    Escape: cancelRequests,
  });
}

/** On a phone the facets lie over the rest: Escape puts them away. */
function Sheet({ close, ...props }: FacetsProps & { readonly close: () => void }) {
  useKeys({ Escape: () => cancelRequests() || (innerWidth < NARROW ? close() : false) });
  return <Facets {...props} />;
}

export function App() {
  const [view, update] = useView();
  const [stamp, setStamp] = useState(0);
  const [editing, setEditing] = useState({ text: "", at: 0 });
  const [facets, setFacets] = useState(() => innerWidth >= NARROW);
  const refresh = useCallback(() => setStamp((before) => before + 1), []);
  const toggleFacets = useCallback(() => setFacets((before) => !before), []);
  const props: ViewProps = { view, update, stamp };
  const fields = useFields(props);
  usePageKeys(props, refresh, toggleFacets);
  const edit = (text: string): void => setEditing((before) => ({ text, at: before.at + 1 }));

  return (
    <div class="page">
      <Progress />
      <Head {...props} fields={fields} editing={editing} refresh={refresh} />
      <Chips {...props} edit={edit} />
      <div class="body">
        {facets && <Sheet {...props} fields={fields} close={toggleFacets} />}
        <main class="main">
          <Chart {...props} fields={fields} />
          {view.live ? <Tail {...props} /> : <Table {...props} />}
        </main>
        <OpenRow {...props} />
      </div>
      <OpenPanel {...props} />
      <footer class="foot">
        <div class="foot-left">
          <button type="button" class="quiet" aria-pressed={facets} title="Facets (f)" onClick={toggleFacets}>
            Facets
          </button>
          <Cancel />
        </div>
        <Health zone={view.zone} />
      </footer>
      <KeyDialog refresh={refresh} />
      <Toasts />
    </div>
  );
}
