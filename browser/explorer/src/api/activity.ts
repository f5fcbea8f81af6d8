/** Requests under way: how many, and a way to cancel them all. */

import { observed } from "../state/observed";

const cancels = new Set<() => void>();
const running = observed(0);

/** How many requests are under way. */
export const useActivity = running.use;

/** Counts a request until the answer is called. */
export function begin(cancel: () => void): () => void {
  cancels.add(cancel);
  running.set(cancels.size);
  return () => {
    if (cancels.delete(cancel)) running.set(cancels.size);
  };
}

/** Ends every request under way, and with it its query in ClickHouse. Whether there was any. */
export function cancelAll(): boolean {
  const any = cancels.size > 0;
  for (const cancel of [...cancels]) cancel();
  return any;
}
