/** Short notes at the edge of the page ("copied"), read out by screen readers; each goes by itself. */

import { observed } from "../state/observed";

interface Note {
  readonly id: number;
  readonly text: string;
}

const SHOWN_MS = 4000;
const MOST = 3;
const notes = observed<readonly Note[]>([]);
let last = 0;

export function toast(text: string): void {
  const note = { id: ++last, text };
  notes.set([...notes.get(), note].slice(-MOST));
  setTimeout(() => notes.set(notes.get().filter((one) => one !== note)), SHOWN_MS);
}

export function Toasts() {
  return (
    <div class="toasts" role="status">
      {notes.use().map(({ id, text }) => (
        <div key={id} class="toast">
          {text}
        </div>
      ))}
    </div>
  );
}
