/** The queue of this page: IndexedDB, or memory from the moment on that IndexedDB fails. */

import { indexedStore } from "./indexed";
import { entries, note } from "./journal";
import type { Row } from "./row";
import type { Settings } from "./settings";
import { freshState, memoryStore, type Fate, type State, type Store } from "./store";
import type { Tell } from "./tell";
import { uuid7 } from "./uuid";

// A page stores what it emits within milliseconds; one that is frozen has done so before.
const DEAD_AFTER_MS = 60_000;

type Change = (state: State) => void;

export interface Queue {
  /** Takes it at once; it is stored at the end of the current task. */
  push(row: Row): void;
  /** The page goes: what is not stored yet is written where the next page finds it. */
  spill(): void;
  /** The state and the oldest rows, after what was pushed is stored. */
  head(limit: number): Promise<[state: State, ...rows: Row[]]>;
  /** Rows leave, the state changes. A row that is not there any more is not counted again. */
  settle(rows: readonly Row[], fate: Fate, change?: Change): Promise<void>;
  /** Take over what pages that went had not stored yet, and count what those that died had not. */
  inherit(): Promise<void>;
}

export const createQueue = (settings: Settings, tell: Tell): Queue => {
  const { name, maxQueueBytes, onDrop, onError } = settings;
  const prefix = `${name}:page:`;
  const page = prefix + uuid7();
  let opened: Promise<Store> | undefined;
  let emitted = 0;
  let unstored: Row[] = [];
  let storing: Promise<void> | undefined;

  /** Once IndexedDB has failed, this page does without. */
  const attempt = async <T>(work: (begin: Store) => Promise<T>): Promise<T> => {
    opened ??= indexedStore(name);
    const tried = opened;
    try {
      return await work(await tried);
    } catch (error) {
      if (opened === tried) {
        opened = Promise.resolve(memoryStore());
        tell(onError, { status: 0, code: "storage", detail: `${error}`, retries: true });
      }
      return work(await opened);
    }
  };

  /** One transaction: rows come and go, the state changes, the oldest are dropped for want of room. */
  const write = (add: readonly Row[], rows: readonly Row[], fate: Fate, change?: Change): Promise<void> =>
    attempt(async (begin) => {
      const transaction = begin("readwrite");
      const [state = freshState()] = await transaction.first(1);
      const take = (row: Row, as: Fate): void => {
        transaction.remove(row.id);
        state[as]++;
        state.bytes -= row.bytes;
      };
      if (rows.length) {
        const known = await transaction.known(rows.map(({ id }) => id).sort());
        for (const row of rows) if (known.has(row.id)) take(row, fate);
      }
      change?.(state);
      for (const row of add) {
        transaction.put(row);
        state.emitted++;
        state.bytes += row.bytes;
      }
      let dropped = 0;
      for (let oldest; state.bytes > maxQueueBytes && ([, oldest] = await transaction.first(2)) && oldest; dropped++) {
        take(oldest, "dropped");
      }
      transaction.put(state);
      await transaction.end();
      if (dropped) tell(onDrop, dropped, "queue full");
    });

  const journal = (rows?: Row[]): void => note(page, emitted, emitted - unstored.length, rows);

  /** Group commit: while one transaction is under way, what is pushed gathers for the next. */
  const store = async (): Promise<void> => {
    if (unstored.length && !storing) {
      const rows = [...unstored];
      const upTo = emitted;
      storing = write(rows, [], "dropped", ({ pages }) => (pages[page] = upTo)).then(() => {
        storing = undefined;
        unstored = unstored.slice(rows.length);
        journal();
        void store();
      });
    }
    await storing;
  };

  return {
    push: (row) => {
      if (!unstored.length) queueMicrotask(store);
      unstored.push(row);
      emitted++;
      journal();
    },
    spill: () => journal(unstored),
    head: async (limit) => {
      await store(); // what is under way
      await store(); // and what came since
      const [state = freshState(), ...rows] = await attempt((begin) => begin("readonly").first(limit + 1));
      return [state, ...rows];
    },
    settle: (rows, fate, change) =>
      write([], rows, fate, (state) => {
        if (!unstored.length) delete state.pages[page];
        change?.(state);
      }),
    inherit: async () => {
      const found: Row[] = [];
      let lost = 0;
      await write(found, [], "dropped", (state) => {
        lost = takeOver(prefix, state, found);
      });
      if (lost) tell(onDrop, lost, "page died");
    },
  };
};

/** What other pages left unstored is added to `found`; how many actions died with them is counted and returned. */
const takeOver = (prefix: string, state: State, found: Row[]): number => {
  let lost = 0;
  const living: State["pages"] = {};
  for (const [key, [emitted, stored, atMs, rows]] of entries(prefix)) {
    const known = state.pages[key] ?? 0;
    const unknown = Math.max(0, emitted - Math.max(stored, known));
    if (rows) found.push(...rows.slice(rows.length - unknown));
    else if (atMs < Date.now() - DEAD_AFTER_MS) lost += unknown;
    else {
      living[key] = known;
      continue;
    }
    note(key, 0, 0);
  }
  state.pages = living;
  state.emitted += lost;
  state.dropped += lost;
  return lost;
};
