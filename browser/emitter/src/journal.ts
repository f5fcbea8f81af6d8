/**
 * Between `emit()` and IndexedDB's commit an action is in memory only. The journal, in localStorage, which is written
 * at once, says how many those are: a page that dies in between loses them, and the next page counts them. A page that
 * goes in good order writes the actions themselves, and the next page takes them over.
 *
 * One entry for each page that has such actions.
 */

import type { Row } from "./row";

type Entry = [emitted: number, stored: number, atMs: number, rows?: readonly Row[]];

/** Where there is no localStorage nothing is written, and nothing found. */
const quietly = <T>(work: () => T): T | undefined => {
  try {
    return work();
  } catch {
    return undefined;
  }
};

export const read = (key: string): string | null | undefined => quietly(() => localStorage.getItem(key));

/** Without a value it is removed. */
export const remember = (key: string, value?: string): void =>
  quietly(() => (value ? localStorage.setItem(key, value) : localStorage.removeItem(key)));

export const note = (key: string, emitted: number, stored: number, rows?: readonly Row[]): void =>
  remember(key, emitted > stored ? JSON.stringify([emitted, stored, Date.now(), rows]) : "");

/** The entries whose keys begin so. */
export const entries = (prefix: string): [key: string, entry: Entry][] =>
  quietly(() =>
    Object.keys(localStorage)
      .filter((key) => key.startsWith(prefix))
      .map((key) => [key, JSON.parse(read(key) ?? "[]")] as [string, Entry]),
  ) ?? [];
