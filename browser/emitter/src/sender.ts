/** When what is sent: one page at a time takes the oldest of the queue, until it is empty or must pause. */

import type { Queue } from "./queue";
import { fit, type Row } from "./row";
import type { Settings } from "./settings";
import type { Tell } from "./tell";
import { createTransport, type Answer } from "./transport";
import { judge } from "./verdict";

export interface Sender {
  /** A row was pushed: send it with others, soon. */
  added(row: Row): void;
  run(): Promise<void>;
  /** As `run`, also after a refusal that stopped this page. */
  again(): Promise<void>;
  /** The page is going. From now on nothing is asked for: a lock's or a request's answer in a cached page ends it. */
  leave(): void;
  /** It is there again, from the browser's cache. */
  back(): void;
  /** What was emitted or failed here and no answer is known of: sent when the page goes. */
  held: Map<string, Row>;
}

// About what the browser would keep alive at the page's end; the rest of the queue need not be in memory too.
const MAX_HELD = 500;
const RETRY_BASE_MS = 1_000;
const RETRY_MAX_MS = 60_000;
// A pause beyond this was written by a clock that has been set back since.
const MAX_PAUSE_MS = 2 * 3_600_000;

export const createSender = (settings: Settings, queue: Queue, tell: Tell, mustNot: () => unknown): Sender => {
  const { name, maxActions, maxBytes, maxAgeMs, onReject, onError } = settings;
  const transport = createTransport(settings);
  const held = new Map<string, Row>();
  let running: Promise<void> | undefined;
  let rerun = false;
  let refused = false;
  let gone = false;
  let limit = maxActions;
  let notBefore = 0;
  let fullness = 0; // of the batch that gathers: 1 is full, by count or by bytes
  let ageTimer = 0;
  let pauseTimer = 0;

  const mayNotSend = (): unknown => gone || refused || mustNot() || !navigator.onLine;

  const hold = (row: Row): void => {
    if (held.size < MAX_HELD) held.set(row.id, row);
  };

  const pause = (rows: readonly Row[], pauseMs: number): Promise<void> => {
    rows.forEach(hold);
    return queue.settle([], "dropped", (state) => {
      // Full jitter: pages that failed together do not come back together.
      const jitterMs = Math.random() * Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** state.tries++);
      state.notBefore = Date.now() + pauseMs + jitterMs;
    });
  };

  const conclude = async (rows: readonly Row[], answer: Answer): Promise<void> => {
    const [next, accepted, rejected] = judge(rows, answer);
    if (next === "go") {
      limit = maxActions;
      await queue.settle(accepted, "accepted", (state) => (state.tries = state.notBefore = 0));
      if (rejected.length) await queue.settle(rejected, "rejected");
      for (const row of rejected) tell(onReject, row);
    } else if (next === "fewer") {
      limit = Math.ceil(rows.length / 2);
    } else {
      const [status, { code, detail }, pauseMs] = answer;
      refused = next === "stop";
      tell(onError, { status, code, detail, retries: !refused });
      if (!refused) await pause(rows, pauseMs);
    }
  };

  const drain = async (): Promise<void> => {
    fullness = 0;
    while (!mayNotSend()) {
      const before = [...held.keys()];
      const [state, ...rows] = await queue.head(limit);
      // What other pages have sent; what was emitted since is not stored yet.
      if (!rows.length) return before.forEach((id) => held.delete(id));
      notBefore = state.notBefore;
      const waitMs = notBefore - Date.now();
      if (waitMs > 0 && waitMs < MAX_PAUSE_MS) {
        clearTimeout(pauseTimer);
        pauseTimer = setTimeout(run, waitMs);
        return;
      }
      const batch = fit(rows, maxBytes);
      for (const { id } of batch) held.delete(id); // they are on their way, also if the page goes now
      await conclude(batch, await transport.send(batch));
    }
  };

  // One page of the origin at a time. Without locks (insecure pages) two may send the same: the ids make it one.
  const exclusively = (): Promise<void> =>
    ((navigator.locks?.request(name, drain) as Promise<void> | undefined) ?? Promise.reject()).catch(drain);

  const run = async (): Promise<void> => {
    if (mayNotSend()) return;
    rerun = !!running;
    await (running ??= exclusively().finally(() => {
      running = undefined;
      if (rerun) void run();
    }));
  };

  const leave = (): void => {
    queue.spill();
    let rest = [...held.values()];
    while (rest.length && !mayNotSend() && Date.now() >= notBefore) {
      const batch = fit(rest, maxBytes);
      const answer = transport.sendLast(batch);
      if (!answer) break;
      for (const { id } of batch) held.delete(id);
      rest = rest.slice(batch.length);
      if (answer !== true) void answer.then((words) => conclude(batch, words));
    }
    gone = true;
  };

  return {
    run,
    leave,
    held,
    back: () => {
      gone = false;
      void run();
    },
    added: (row) => {
      hold(row);
      fullness += Math.max(1 / maxActions, row.bytes / maxBytes);
      if (fullness >= 1) {
        void run();
        fullness = 0;
      }
      ageTimer ||= setTimeout(() => {
        ageTimer = 0;
        void run();
      }, maxAgeMs);
    },
    again: async () => {
      refused = false;
      await running;
      await run();
    },
  };
};
