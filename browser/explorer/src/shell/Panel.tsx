/** A panel over the page: a modal dialog (Escape, focus and inertness are the browser's), or one beside the table. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useKeys } from "./keys";
import { cancelRequests } from "./Progress";

interface Props {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

function Head({ title, onClose }: Omit<Props, "children">) {
  return (
    <header class="panel-head">
      <h2>{title}</h2>
      <button type="button" class="quiet" aria-label={`Close ${title}`} onClick={onClose}>
        ✕
      </button>
    </header>
  );
}

/** Modal: the rest of the page waits. */
export function Modal({ title, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  // With the drawing: what is typed next is for the dialog, not for the page's keys.
  useLayoutEffect(() => {
    const before = document.activeElement;
    const shown = dialog.current;
    shown?.showModal();
    shown?.querySelector<HTMLElement>("input, textarea")?.focus(); // rather than the button that closes
    return () => {
      shown?.close(); // while it is open, nothing else takes the focus
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  const onCancel = (event: Event): void => {
    event.preventDefault();
    onClose();
  };
  return (
    <dialog ref={dialog} class="modal" aria-label={title} onCancel={onCancel}>
      <Head title={title} onClose={onClose} />
      <div class="panel-body">{children}</div>
    </dialog>
  );
}

/** Beside the table, which goes on working: j and k lead to the next row. */
export function Aside({ title, onClose, children }: Props) {
  useKeys({ Escape: () => cancelRequests() || onClose() });
  return (
    <aside class="aside" aria-label={title}>
      <Head title={title} onClose={onClose} />
      <div class="panel-body" tabIndex={0} role="region" aria-label={`${title}, content`}>
        {children}
      </div>
    </aside>
  );
}
