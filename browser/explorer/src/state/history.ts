/** The view and the browser's history: each step is an address, the back button undoes it. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { parseView, printView, type Step, type View, type ViewProps } from "./view";

export function useView(): [View, ViewProps["update"]] {
  const [view, setView] = useState(() => parseView(location.search));
  const latest = useRef(view);

  const update = useCallback((step: Step, how: "push" | "replace" = "push") => {
    const next = step(latest.current);
    const query = printView(next);
    if (query === printView(latest.current)) return;
    latest.current = next;
    setView(next);
    const address = query ? `?${query}` : location.pathname;
    if (how === "push") history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  }, []);

  useEffect(() => {
    const onPop = (): void => {
      latest.current = parseView(location.search);
      setView(latest.current);
    };
    addEventListener("popstate", onPop);
    return () => removeEventListener("popstate", onPop);
  }, []);

  return [view, update];
}
