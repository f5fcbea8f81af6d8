/** Clicks, views and navigation without a line of the page's own. */

import type { Settings } from "./settings";
import type { Captured } from "./types";

export type EmitAny = (type: string, properties: object) => unknown;

export const capture = ({ capture: kinds, pageName }: Settings, emit: EmitAny, signal: AbortSignal): void => {
  const wants = (type: Captured): boolean => kinds.includes(type);
  const here = (): string => pageName(new URL(location.href));
  let page: string | undefined;

  /** At the start, and after each step of the History API: when it leads to a page of another name. */
  const look = (): void => {
    const pageFrom = page;
    const pageTo = here();
    if (signal.aborted || pageFrom === pageTo) return;
    page = pageTo;
    if (pageFrom !== undefined && wants("NAVIGATE")) emit("NAVIGATE", { pageFrom, pageTo });
    if (wants("VIEW")) emit("VIEW", { viewedId: pageTo });
  };

  if (wants("CLICK")) {
    const clicked = ({ pageX, pageY }: MouseEvent): void =>
      void emit("CLICK", { locationX: Math.round(pageX), locationY: Math.round(pageY) });
    addEventListener("click", clicked, { capture: true, signal }); // also where the page stops the event
  }
  if (kinds.length) {
    for (const step of ["pushState", "replaceState"] as const) {
      const original = history[step];
      history[step] = (...words) => {
        original.apply(history, words);
        look();
      };
    }
    addEventListener("popstate", look, { signal });
    look();
  }
};
