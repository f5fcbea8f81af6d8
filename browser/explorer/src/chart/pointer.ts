/** Which bars are pointed at or chosen, by the mouse, a finger or the keyboard. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { span, type Histogram } from "./histogram";

/** The bars from `first` to `last`, in either order; only pointed at while `chosen` is false. */
export interface Pointer {
  readonly first: number;
  readonly last: number;
  readonly chosen: boolean;
}

type Choose = (fromMs: number, toMs: number) => void;
type Set = (next: Pointer | null) => void;

/** `barOf`: the bar below the mouse, -1 when there is none. `choose` is called with the ends of what was chosen. */
export function usePointer(shape: Histogram, barOf: (event: PointerEvent) => number, choose: Choose) {
  const [pointer, set] = useState<Pointer | null>(null);
  const dragging = useRef(false);
  // With the drawing: a frame later it would let go of a bar that is pointed at already.
  useLayoutEffect(() => {
    if (!dragging.current) set(null);
  }, [shape]);
  const show = (first: number, last: number): void => choose(...span(shape, first, last));
  const cancel = (): void => {
    dragging.current = false;
    set(null);
  };

  const onPointerDown = (event: PointerEvent & { currentTarget: HTMLElement }): void => {
    const bar = barOf(event);
    if (event.button !== 0 || bar < 0) return;
    dragging.current = true;
    event.currentTarget.setPointerCapture(event.pointerId);
    set({ first: bar, last: bar, chosen: true });
  };
  const onPointerMove = (event: PointerEvent): void => {
    const bar = barOf(event);
    if (bar < 0) return;
    const first = dragging.current && pointer ? pointer.first : bar;
    set({ first, last: bar, chosen: dragging.current });
  };
  const onPointerUp = (event: PointerEvent): void => {
    if (!dragging.current || !pointer) return;
    dragging.current = false;
    show(pointer.first, barOf(event));
  };
  const onPointerLeave = (): void => {
    if (!dragging.current) set(null);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && pointer) show(pointer.first, pointer.last);
    else if (event.key === "Escape" && pointer) cancel();
    else if (!moved(event, pointer, shape.starts.length, set)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  const mouse = { onPointerDown, onPointerMove, onPointerUp, onPointerLeave, onPointerCancel: cancel };
  return { pointer, handlers: { ...mouse, onKeyDown, onBlur: cancel } };
}

/** Arrows move the pointer by one of `bars`, with Shift only its end. Whether it was one of them. */
function moved(event: KeyboardEvent, pointer: Pointer | null, bars: number, set: Set): boolean {
  const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!move || bars === 0) return false;
  const last = Math.max(0, Math.min(bars - 1, pointer ? pointer.last + move : move > 0 ? 0 : bars - 1));
  set({ first: event.shiftKey && pointer ? pointer.first : last, last, chosen: true });
  return true;
}
