/** A JSON document as a person reads it, with a way to filter by each value. All of it is text, never markup. */

import { useState } from "preact/hooks";
import { propertyField } from "../state/view";
import { Choose } from "./Choose";
import type { Json, Member } from "./json";
import type { ViewProps } from "../state/view";
import { count } from "../time/format";

const MOST_MEMBERS = 100; // of one object or array, until somebody asks for more
const MOST_CHARACTERS = 2_000;

interface Props {
  readonly value: Json;
  /** The names that lead here; null inside an array, which no filter reaches. */
  readonly path: readonly string[] | null;
  readonly update: ViewProps["update"];
}

export function Tree({ value, path, update }: Props) {
  const children = childrenOf(value);
  const [most, setMost] = useState(MOST_MEMBERS);
  if (children.length === 0) return <p class="muted tree-empty">{value.kind === "array" ? "[ ]" : "{ }"}</p>;
  return (
    <ul class="tree">
      {children.slice(0, most).map((child, at) => (
        <Branch key={at} member={child} path={value.kind === "array" ? null : reached(path, child, children, at)} update={update} />
      ))}
      {children.length > most && (
        <li>
          <button type="button" class="quiet" onClick={() => setMost(most * 10)}>
            {count(children.length - most)} more
          </button>
        </li>
      )}
    </ul>
  );
}

interface BranchProps {
  readonly member: Member;
  readonly path: readonly string[] | null;
  readonly update: ViewProps["update"];
}

function Branch({ member: { name, value }, path, update }: BranchProps) {
  const nested = (value.kind === "object" || value.kind === "array") && childrenOf(value).length > 0;
  if (nested) {
    return (
      <li>
        <details open>
          <summary>
            <bdi class="tree-name">{name}</bdi> <span class="muted">{summary(value)}</span>
          </summary>
          <Tree value={value} path={path} update={update} />
        </details>
      </li>
    );
  }
  const filterable = path !== null && value.kind !== "object" && value.kind !== "array";
  return (
    <li class="tree-leaf">
      <bdi class="tree-name">{name === "" ? '""' : name}</bdi>
      <Leaf value={value} />
      {filterable && <Choose field={propertyField(...path)} value={plain(value)} update={update} />}
    </li>
  );
}

function Leaf({ value }: { readonly value: Json }) {
  const [whole, setWhole] = useState(false);
  const text = value.kind === "string" ? value.value : plain(value);
  const clipped = !whole && text.length > MOST_CHARACTERS;
  return (
    <span class={`tree-value ${value.kind}`}>
      <bdi>{clipped ? text.slice(0, MOST_CHARACTERS) : text}</bdi>
      {text === "" && <span class="muted">empty</span>}
      {clipped && (
        <button type="button" class="quiet" onClick={() => setWhole(true)}>
          … all {count(text.length)} characters
        </button>
      )}
    </span>
  );
}

function childrenOf(value: Json): readonly Member[] {
  if (value.kind === "object") return value.members;
  if (value.kind === "array") return value.items.map((item, at) => ({ name: String(at), value: item }));
  return [];
}

/** The path of a member, where a filter reaches it: it has a name, and is the first of that name. */
function reached(path: readonly string[] | null, child: Member, all: readonly Member[], at: number): readonly string[] | null {
  if (path === null || child.name === "") return null;
  return all.findIndex(({ name }) => name === child.name) === at ? [...path, child.name] : null;
}

function summary(value: Json): string {
  if (value.kind === "array") return `[${value.items.length}]`;
  return value.kind === "object" ? `{${value.members.length}}` : "";
}

/** The text of a value, as a filter takes it. */
function plain(value: Json): string {
  if (value.kind === "string") return value.value;
  if (value.kind === "object") return "{ }";
  return value.kind === "array" ? "[ ]" : value.text;
}
