/** A value of the whole page, outside of its components, which some of them show. */

import { useEffect, useState } from "preact/hooks";

export interface Observed<T> {
  readonly get: () => T;
  readonly set: (value: T) => void;
  /** The value, in a component: drawn anew when it changes. */
  readonly use: () => T;
}

export function observed<T>(first: T): Observed<T> {
  let value = first;
  const listeners = new Set<() => void>();
  const use = (): T => {
    const [shown, setShown] = useState(value);
    useEffect(() => {
      const listener = (): void => setShown(() => value);
      listeners.add(listener);
      listener(); // what changed before this effect
      return () => {
        listeners.delete(listener);
      };
    }, []);
    return shown;
  };
  const set = (next: T): void => {
    value = next;
    for (const listener of listeners) listener();
  };
  return { get: () => value, set, use };
}
