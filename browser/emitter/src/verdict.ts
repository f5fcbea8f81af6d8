/** What an answer means for the rows that were sent. Pure. */

import type { Row } from "./row";
import type { Answer } from "./transport";

/** go on; send fewer at once; pause and send again; stop, since no repetition will help this page */
export type Next = "go" | "fewer" | "pause" | "stop";

export type Rejected = Row & { reason: string };

// Timeout, too early, too many: of all 4xx these alone may pass.
const PASSING = [408, 425, 429];

/**
 * A row is rejected only when the service names it or its envelope, or when it is alone and its body is refused. What
 * refuses a request for what it is not made of (an unknown key, a page that may not write) is no action's fault: they stay.
 */
export const judge = (
  rows: readonly Row[],
  [status, body]: Answer,
): [next: Next, accepted: Row[], rejected: Rejected[]] => {
  const reasons: (string | undefined)[] = [];
  let ofEnvelope: string | undefined;
  // Object.values: something else's errors may be no list.
  for (const { index, path, reason } of Object.values(body.rejected ?? body.errors ?? {})) {
    const words = `${path}: ${reason}`;
    if (index != null) reasons[index] ??= words;
    // A 400 says that nothing can be accepted, and names a wrong envelope once, not each of its actions; or the whole
    // body ("$"), as when one is nested too deeply to be read: of one that is alone, it is meant.
    else if ((rows[1] ? /\.(user|session)Id$/ : /\$/).test(path)) ofEnvelope ??= words;
  }
  if (status === 413 && !rows[1]) reasons[0] = body.detail;
  const rejected = rows.flatMap((row, index) => {
    const reason = (reasons[index] ??= ofEnvelope);
    return reason ? [{ ...row, reason }] : [];
  });
  // A 200 from something else (a hotel's log-in page) has no count.
  const ok = status === 200 && body.accepted != null;
  if (ok || rejected.length) return ["go", ok ? rows.filter((_, index) => !reasons[index]) : [], rejected];
  if ((status === 400 || status === 413) && rows[1]) return ["fewer", [], []];
  return [status >= 400 && status < 500 && !PASSING.includes(status) ? "stop" : "pause", [], []];
};
