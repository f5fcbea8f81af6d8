/** A button that shows a box below itself; Escape, a click elsewhere or leaving it with Tab closes it. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useKeys } from "./keys";

interface Props {
  readonly label: ComponentChildren;
  /** What the button is for, when its label does not say it. */
  readonly name: string;
  readonly open: boolean;
  readonly onToggle: (open: boolean) => void;
  readonly children: ComponentChildren;
}

function Box({ name, close, children }: { name: string; close: () => void; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  useKeys({ Escape: close });
  useEffect(() => {
    const first = box.current?.querySelector<HTMLElement>("[data-first]") ?? box.current?.querySelector<HTMLElement>("button");
    first?.focus();
  }, []);
  return (
    <div ref={box} class="popover" role="dialog" aria-label={name}>
      {children}
    </div>
  );
}

export function Popover({ label, name, open, onToggle, children }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = (): void => {
    onToggle(false);
    button.current?.focus();
  };
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event: Event): void => {
      if (event.target instanceof Node && !frame.current?.contains(event.target)) onToggle(false);
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open, onToggle]);
  return (
    <div class="popover-frame" ref={frame}>
      <button ref={button} type="button" aria-haspopup="dialog" aria-expanded={open} onClick={() => onToggle(!open)}>
        <span class="hidden-text">{name}: </span>
        {label}
        <span class="caret" aria-hidden="true" />
      </button>
      {open && (
        <Box name={name} close={close}>
          {children}
        </Box>
      )}
    </div>
  );
}
