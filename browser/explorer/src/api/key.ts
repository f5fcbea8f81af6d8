/** The read key: for this tab only (sessionStorage), and whether the page has to ask for one. */

import { observed } from "../state/observed";

const NAME = "actionlog-read-key";

export interface Asking {
  readonly reason: string;
}

const asking = observed<Asking | null>(null);

/** Why the page asks for a key; null while it does not. */
export const useAsking = asking.use;

export function key(): string | null {
  return sessionStorage.getItem(NAME);
}

export function setKey(value: string): void {
  if (value) sessionStorage.setItem(NAME, value);
  else sessionStorage.removeItem(NAME);
  asking.set(null);
}

/** A request with the key `used` was answered 401. Late answers to a key that was replaced are no reason to ask. */
export function askForKey(used: string | null, reason: string): void {
  if (used !== key() || asking.get()) return;
  asking.set({ reason });
}

export function stopAsking(): void {
  asking.set(null);
}
