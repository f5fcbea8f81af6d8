/** Which rows of a long list are in sight: only those are in the document. */
import type { RefObject } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";

const BEYOND = 8; // rows above and below that are drawn too, so that scrolling shows no gaps
const NARROW = "(max-width: 640px)";

/** Whether the page is as narrow as a phone. */
export function isNarrow(): boolean {
  return matchMedia(NARROW).matches;
}

/** Pixels of one row: on a phone it has two lines. */
export function useRowHeight(): number {
  const [narrow, setNarrow] = useState(isNarrow);
  useEffect(() => {
    const query = matchMedia(NARROW);
    const listener = (): void => setNarrow(query.matches);
    query.addEventListener("change", listener);
    return () => query.removeEventListener("change", listener);
  }, []);
  return narrow ? 56 : 32;
}

export interface Sight {
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
  readonly top: number;
}

/** The rows in sight of a scrolling element whose first row stands at its top, under a header of one row's height. */
export function useSight(scroller: RefObject<HTMLElement | null>, rowHeight: number, count: number): Sight {
  const [box, setBox] = useState({ top: 0, height: 800 });
  const measure = useCallback(() => {
    const element = scroller.current;
    if (element) setBox({ top: element.scrollTop, height: element.clientHeight });
  }, [scroller]);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    const sizes = new ResizeObserver(measure);
    sizes.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      sizes.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, [scroller, measure]);

  const first = Math.max(0, Math.floor(box.top / rowHeight) - BEYOND);
  const end = Math.min(count, Math.ceil((box.top + box.height) / rowHeight) + BEYOND);
  return { first: Math.min(first, count), end, top: box.top };
}

/** Scrolls as little as shows the row at `index` whole. */
export function reveal(element: HTMLElement, index: number, rowHeight: number, headerHeight: number): void {
  const top = index * rowHeight;
  const room = element.clientHeight - headerHeight;
  if (top < element.scrollTop) element.scrollTop = top;
  else if (top + rowHeight > element.scrollTop + room) element.scrollTop = top + rowHeight - room;
}
