/** The line in which filters are typed: a combobox over fields and values. `/` leads here. */

import type { RefObject } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { FieldUse } from "../api/types";
import { useKeys } from "../shell/keys";
import { withFilter, type ViewProps } from "../state/view";
import { draft, parseFilterText } from "./grammar";
import { useSuggestions, type Suggestion } from "./suggestions";

/** A filter taken back into the line for editing; `at` changes with each request. */
export interface Editing {
  readonly text: string;
  readonly at: number;
}

interface Props extends ViewProps {
  readonly fields: readonly FieldUse[];
  readonly editing: Editing;
}

interface ListProps {
  readonly id: string;
  readonly suggestions: readonly Suggestion[];
  readonly chosen: number;
  readonly take: (suggestion: Suggestion) => void;
}

function List({ id, suggestions, chosen, take }: ListProps) {
  return (
    <ul id={id} class="suggestions" role="listbox" aria-label="Suggestions">
      {suggestions.map((suggestion, index) => (
        <li
          key={suggestion.key}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === chosen}
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => take(suggestion)}
        >
          <span class="suggestion-label">{suggestion.label}</span> <span class="muted">{suggestion.note}</span>
        </li>
      ))}
    </ul>
  );
}

/** The text of the line, what is suggested for it, and what its keys do. */
function useLine({ view, update, fields, editing }: Props, input: RefObject<HTMLInputElement | null>) {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(-1);
  const [active, setActive] = useState(false);
  const [wrong, setWrong] = useState("");
  const suggestions = useSuggestions(text, view, fields, active);
  const type = (next: string): void => {
    setText(next);
    setChosen(-1);
    setWrong("");
    setActive(true);
  };
  useEffect(() => {
    if (!editing.at) return;
    type(editing.text);
    input.current?.focus();
  }, [editing.at]);

  const take = (suggestion: Suggestion): void => {
    if (suggestion.kind === "text") return type(suggestion.text);
    type("");
    if (suggestion.kind === "find") update((now) => ({ ...now, panel: "place", find: suggestion.id }));
    else update((now) => ({ ...now, filters: withFilter(now.filters, suggestion.filter) }));
  };
  const submit = (): void => {
    const [picked, first, filter] = [suggestions[chosen], suggestions[0], parseFilterText(text)];
    if (picked) take(picked);
    else if (text.trim() === "") return;
    else if (typeof filter !== "string") take({ kind: "filter", key: "typed", label: text, note: "", filter });
    else if (first && !draft(text)) take(first); // of values nobody has chosen one
    else setWrong(filter);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing) return; // Enter ends the word of an input method, not the filter
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) setChosen((before) => Math.max(-1, Math.min(suggestions.length - 1, before + move)));
    else if (event.key === "Enter") submit();
    else if (event.key !== "Escape") return;
    else if (text) type("");
    else input.current?.blur();
    event.preventDefault();
    event.stopPropagation();
  };
  const listed = active && suggestions.length > 0;
  return { text, chosen, wrong, suggestions, listed, type, take, setActive, onKeyDown };
}

export function FilterLine(props: Props) {
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const { text, chosen, wrong, suggestions, listed, type, take, setActive, onKeyDown } = useLine(props, input);
  useKeys({ "/": () => input.current?.focus() });
  return (
    <div class="filter-line">
      <input
        ref={input}
        role="combobox"
        aria-label="Add a filter"
        aria-autocomplete="list"
        aria-expanded={listed}
        aria-controls={id}
        {...(listed && chosen >= 0 ? { "aria-activedescendant": `${id}-${chosen}` } : {})}
        aria-invalid={wrong !== ""}
        autocomplete="off"
        spellcheck={false}
        placeholder="Filter: type=CLICK, price>=10, or an id"
        value={text}
        onInput={(event) => type(event.currentTarget.value)}
        onFocus={() => setActive(true)}
        onBlur={() => setActive(false)}
        onKeyDown={onKeyDown}
      />
      <kbd aria-hidden="true">/</kbd>
      {listed && <List id={id} suggestions={suggestions} chosen={chosen} take={take} />}
      {wrong && (
        <p class="filter-wrong" role="alert">
          {wrong}
        </p>
      )}
    </div>
  );
}
