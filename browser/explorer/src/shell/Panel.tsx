/** A panel over the page: a modal dialog (Escape, focus and inertness are the browser's), or one beside the table. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useKeys } from "./keys";

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
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    dialog.current?.querySelector<HTMLElement>("input, textarea")?.focus(); // rather than the button that closes
    return () => {
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
  useKeys({ Escape: onClose });
  return (
    <aside class="aside" aria-label={title}>
      <Head title={title} onClose={onClose} />
      <div class="panel-body" tabIndex={0} role="region" aria-label={`${title}, content`}>
        {children}
      </div>
    </aside>
  );
}
