/** The dead letters: records that could not be stored, each with the reason, newest first. */

import { useEffect, useState } from "preact/hooks";
import { ApiError, getJson, isAbort } from "../api/client";
import type { DeadLetter, DeadLetters } from "../api/types";
import { Problem } from "../shell/Problem";
import { rangeParameters, type Range, type View, type ViewProps } from "../state/view";
import { moment } from "../time/format";
import "./letters.css";

const PAGE = 50;
const EVER: Range = { kind: "all" };

interface Read {
  readonly letters: readonly DeadLetter[];
  readonly next: string | null;
  readonly busy: boolean;
  readonly error: ApiError | null;
}

const NOTHING: Read = { letters: [], next: null, busy: true, error: null };

export function Letters({ view, stamp }: ViewProps) {
  const [everything, setEverything] = useState(false);
  const range = everything ? EVER : view.range;
  const { letters, next, busy, error, more } = useLetters(range, stamp);
  const narrowed = range.kind !== "all";
  return (
    <div class="letters" aria-busy={busy}>
      <p class="muted">
        Records of the log that could not be stored{narrowed ? ", put aside in the range of this view" : ""}. Nothing of
        them is lost: mend the cause, then replay them (<code>python -m consumer dead-letters replay</code>).
      </p>
      {letters.map((letter) => (
        <Letter key={letter.id} letter={letter} zone={view.zone} />
      ))}
      {error && <Problem error={error} again={more} />}
      {busy && <p class="muted">Reading…</p>}
      {!busy && !error && letters.length === 0 && <p class="letters-none">No dead letter{narrowed ? " in this range" : ""}.</p>}
      <div class="row-buttons">
        {!busy && next && (
          <button type="button" onClick={more}>
            Older ones
          </button>
        )}
        {narrowed && (
          <button type="button" onClick={() => setEverything(true)}>
            Those of all time
          </button>
        )}
      </div>
    </div>
  );
}

/** Page after page; another range begins anew. */
function useLetters(range: Range, stamp: number): Read & { readonly more: () => void } {
  const subject = JSON.stringify([range, stamp]);
  const [read, setRead] = useState(NOTHING);
  const [asked, setAsked] = useState<{ readonly subject: string; readonly cursor: string | null; readonly round: number }>({ subject, cursor: null, round: 0 });
  const cursor = asked.subject === subject ? asked.cursor : null;
  useEffect(() => {
    const controller = new AbortController();
    setRead((before) => (cursor === null ? NOTHING : { ...before, busy: true, error: null }));
    const place = cursor === null ? [] : [["cursor", cursor] as const];
    getJson<DeadLetters>("/log/dead-letters", [...rangeParameters(range), ["limit", String(PAGE)], ...place], {
      signal: controller.signal,
    })
      .then(({ deadLetters, next }) =>
        setRead((before) => ({ letters: [...before.letters, ...deadLetters], next, busy: false, error: null })),
      )
      .catch((error: unknown) => {
        if (controller.signal.aborted) return;
        if (!(error instanceof ApiError) && !isAbort(error)) throw error;
        setRead((before) => ({ ...before, busy: false, error: error instanceof ApiError ? error : null }));
      });
    return () => controller.abort();
  }, [subject, cursor, asked.round]);
  const more = (): void => setAsked((before) => ({ subject, cursor: read.next ?? cursor, round: before.round + 1 }));
  return { ...read, more };
}

function Letter({ letter, zone }: { readonly letter: DeadLetter; readonly zone: View["zone"] }) {
  const at = letter.storedAt ?? letter.recordedAt;
  return (
    <details class="letter">
      <summary>
        <span class="mono letter-time">{at ? moment(at, zone) : "at an unknown time"}</span>
        <bdi class="letter-reason">{letter.reason}</bdi>
      </summary>
      <dl class="facts small">
        <dt>Position</dt>
        <dd>
          partition {letter.partition}, offset {letter.offset}
        </dd>
        {letter.errorCode !== 0 && <dt>Code</dt>}
        {letter.errorCode !== 0 && <dd>{letter.errorCode}, of ClickHouse</dd>}
        {letter.recordedAt && <dt>Recorded</dt>}
        {letter.recordedAt && <dd>{moment(letter.recordedAt, zone)}</dd>}
        <dt>Id</dt>
        <dd class="mono">{letter.id}</dd>
        {letter.key && <dt>Key</dt>}
        {letter.key && <dd class="mono">{letter.key}</dd>}
      </dl>
      {letter.value !== null && <pre class="letter-value">{letter.value}</pre>}
      {letter.truncated && <p class="muted">It is longer than what is shown here.</p>}
    </details>
  );
}
