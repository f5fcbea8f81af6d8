/** The keyboard: one listener of the document, to which mounted components add their keys. */

import { useLayoutEffect, useRef } from "preact/hooks";

/** By KeyboardEvent.key ("j", "Enter", "/"). A handler that answers false leaves the key to the next one. */
export type Keys = Readonly<Record<string, (event: KeyboardEvent) => boolean | void>>;

const stack: { current: Keys }[] = [];

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null;
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (typing(event.target) && event.key !== "Escape") return;
  if (document.querySelector("dialog[open]")) return; // the browser's own Escape closes it
  const pressed = event.target instanceof HTMLElement && event.target.closest("button, a, summary");
  if (pressed && (event.key === "Enter" || event.key === " ")) return; // it is that button's
  for (const keys of [...stack].reverse()) {
    const handler = keys.current[event.key];
    if (handler && handler(event) !== false) {
      event.preventDefault();
      return;
    }
  }
}

/** Keys while the component is mounted; the one mounted last is asked first. Not while a person types, but Escape. */
export function useKeys(keys: Keys): void {
  const own = useRef(keys);
  own.current = keys;
  // In the layout effect: a key pressed right after the page has come is not lost.
  useLayoutEffect(() => {
    if (stack.length === 0) document.addEventListener("keydown", onKey);
    stack.push(own);
    return () => {
      stack.splice(stack.indexOf(own), 1);
      if (stack.length === 0) document.removeEventListener("keydown", onKey);
    };
  }, []);
}
