/** What a store of the queue does, and the one in memory: for pages that have no IndexedDB. */

import type { Row } from "./row";

/** How a row left the queue. */
export type Fate = "accepted" | "rejected" | "dropped";

/** What all pages of an origin know together. Kept among the rows, before the first: its id is empty. */
export interface State extends Record<Fate | "emitted", number> {
  id: "";
  /** Of the rows in the queue. */
  bytes: number;
  /** No request before this moment (milliseconds since 1970): the service or a failure asked for a pause. */
  notBefore: number;
  /** Failures since the last success. */
  tries: number;
  /** By page: how many of its actions were stored. Only of pages with actions that wait; see journal.ts. */
  pages: Record<string, number>;
}

/** One transaction: all of it or nothing. */
export interface Transaction {
  /** The state (from the first write on), then the oldest rows. */
  first(limit: number): Promise<[state?: State, ...rows: Row[]]>;
  /** The ids that are there, of these and maybe others. */
  known(ids: readonly string[]): Promise<Set<unknown>>;
  put(entry: Row | State): void;
  remove(id: string): void;
  /** Resolves when it is committed. */
  end(): Promise<unknown>;
}

export type Store = (mode: "readonly" | "readwrite") => Transaction;

export const freshState = (): State => ({
  id: "",
  emitted: 0,
  accepted: 0,
  rejected: 0,
  dropped: 0,
  bytes: 0,
  notBefore: 0,
  tries: 0,
  pages: {},
});

export const memoryStore = (): Store => {
  const entries = new Map<string, Row | State>([["", freshState()]]);
  return () => ({
    first: async (limit) => [...entries.values()].slice(0, limit) as [State, ...Row[]],
    known: async () => new Set(entries.keys()),
    put: (entry) => void entries.set(entry.id, entry),
    remove: (id) => void entries.delete(id),
    end: async () => {},
  });
};
