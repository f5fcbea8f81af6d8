/** The pipeline's health, always in the corner: up to where everything is stored, how far behind, how much comes in. */

import { useEffect, useState } from "preact/hooks";
import { ApiError, getJson } from "../api/client";
import type { Pipeline } from "../api/types";
import { duration } from "../table/duration";
import { count, moment, type Zone } from "../time/format";
import { judge, type Health as Judged } from "./judge";
import "./health.css";

const ASK_EVERY_MS = 2_000;

export function Health({ zone }: { readonly zone: Zone }) {
  const { pipeline, failure } = usePipeline();
  const judged = judge(pipeline, failure);
  return (
    <div class="health">
      <button type="button" class="quiet health-corner" data-level={judged.level} popovertarget="health-more">
        <span class="health-dot" aria-hidden="true" />
        <span class="hidden-text">Pipeline: </span>
        <span class="health-said">{judged.said}</span>
        {pipeline && !failure && <Rates pipeline={pipeline} />}
      </button>
      <More judged={judged} pipeline={pipeline} zone={zone} />
    </div>
  );
}

function Rates({ pipeline: { acceptedPerSecond } }: { readonly pipeline: Pipeline }) {
  if (acceptedPerSecond === null) return null;
  return <span class="muted health-rate">{rate(acceptedPerSecond)}</span>;
}

interface MoreProps {
  readonly judged: Judged;
  readonly pipeline: Pipeline | null;
  readonly zone: Zone;
}

/** What the corner has no room for. */
function More({ judged, pipeline, zone }: MoreProps) {
  return (
    <div id="health-more" class="health-more" popover="auto" role="region" aria-label="The pipeline">
      <h3>{judged.said}</h3>
      {judged.why && <p>{judged.why}</p>}
      {pipeline && (
        <dl class="facts small">
          <Figure name="Stored up to" value={pipeline.storedUntil && moment(pipeline.storedUntil, zone)} />
          <Figure name="Behind" value={pipeline.lagSeconds === null ? null : duration(pipeline.lagSeconds)} />
          <Figure name="Waiting" value={pipeline.lagRecords === null ? null : `${count(pipeline.lagRecords)} records`} />
          <Figure name="Accepted" value={pipeline.acceptedPerSecond === null ? null : rate(pipeline.acceptedPerSecond)} />
          <Figure name="Stored" value={pipeline.storedPerSecond === null ? null : rate(pipeline.storedPerSecond)} />
        </dl>
      )}
      {pipeline && pipeline.partitions.length > 0 && <Partitions pipeline={pipeline} />}
    </div>
  );
}

function Figure({ name, value }: { readonly name: string; readonly value: string | null }) {
  if (value === null) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function Partitions({ pipeline: { partitions } }: { readonly pipeline: Pipeline }) {
  return (
    <table class="health-partitions">
      <thead>
        <tr>
          <th scope="col">Partition</th>
          <th scope="col">Stored below</th>
          <th scope="col">Log ends at</th>
          <th scope="col">Waiting</th>
        </tr>
      </thead>
      <tbody>
        {partitions.map(({ partition, committed, end }) => (
          <tr key={partition}>
            <td>{partition}</td>
            <td>{committed === null ? "–" : count(committed)}</td>
            <td>{end === null ? "–" : count(end)}</td>
            <td>{committed === null || end === null ? "–" : count(Math.max(0, end - committed))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface Asked {
  readonly pipeline: Pipeline | null;
  /** Why the last question had no answer. */
  readonly failure: string | null;
}

/** Asked every two seconds while somebody looks. */
function usePipeline(): Asked {
  const [asked, setAsked] = useState<Asked>({ pipeline: null, failure: null });
  useEffect(() => {
    const controller = new AbortController();
    let timer = 0;
    const ask = async (): Promise<void> => {
      clearTimeout(timer);
      if (document.hidden) return;
      const answer = await read(controller.signal);
      if (controller.signal.aborted) return;
      setAsked((before) => ("failure" in answer ? { ...before, failure: answer.failure } : { pipeline: answer, failure: null }));
      timer = setTimeout(() => void ask(), ASK_EVERY_MS);
    };
    const seen = (): void => void ask();
    document.addEventListener("visibilitychange", seen);
    void ask();
    return () => {
      controller.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, []);
  return asked;
}

async function read(signal: AbortSignal): Promise<Pipeline | { readonly failure: string }> {
  try {
    return await getJson<Pipeline>("/pipeline", [], { signal, quiet: true, polled: true });
  } catch (error) {
    if (error instanceof ApiError) return { failure: error.detail };
    if (signal.aborted) return { failure: "" };
    throw error;
  }
}

function rate(perSecond: number): string {
  const digits = perSecond < 10 && !Number.isInteger(perSecond) ? 1 : 0;
  return `${perSecond.toLocaleString("en", { maximumFractionDigits: digits })}/s`;
}
