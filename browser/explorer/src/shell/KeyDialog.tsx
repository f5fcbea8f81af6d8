/** Asks for a read key when the API wants one. The key stays in this tab. */

import { useState } from "preact/hooks";
import { setKey, stopAsking, useAsking } from "../api/key";
import { Modal } from "./Panel";

export function KeyDialog({ refresh }: { readonly refresh: () => void }) {
  const asking = useAsking();
  const [text, setText] = useState("");
  if (!asking) return null;
  const submit = (event: Event): void => {
    event.preventDefault();
    setKey(text.trim());
    setText("");
    refresh();
  };
  return (
    <Modal title="Read key" onClose={stopAsking}>
      <form class="key-form" onSubmit={submit}>
        <p>These actions can be read with a key only. It stays in this tab, until the tab is closed.</p>
        <p class="muted">{asking.reason}</p>
        <label>
          Read key
          <input
            type="password"
            autocomplete="off"
            spellcheck={false}
            value={text}
            placeholder="alr_…"
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary" disabled={text.trim() === ""}>
          Use this key
        </button>
      </form>
    </Modal>
  );
}
