/** One request: compressed, within a time, and kept alive as far as the browser lets it. */

import { encode, utf8, type Row } from "./row";
import type { Settings } from "./settings";

/** What came back: status 0 when nothing did; what `Retry-After` asks for. */
export type Answer = [status: number, body: Body, pauseMs: number];

interface Body {
  accepted?: unknown;
  rejected?: readonly Wrong[];
  errors?: readonly Wrong[];
  code?: string;
  detail?: string;
}

/** One action that is wrong: its position in the request. */
interface Wrong {
  index?: number | null;
  path: string;
  reason: string;
}

export interface Transport {
  send(rows: readonly Row[]): Promise<Answer>;
  /** From a page that is going: without waiting for anything. True: sent, and no answer will come; false: no room. */
  sendLast(rows: readonly Row[]): Promise<Answer> | boolean;
}

// Browsers let all kept-alive requests of a page together have 64 KiB; some is left for the page's own.
const KEEPALIVE_BYTES = 60_000;
const COMPRESS_FROM_BYTES = 1_000;
const TIMEOUT_MS = 30_000; // above the 10 s within which the service answers
const MAX_PAUSE_S = 3_600;

/** Seconds or a date (RFC 9110). */
const pauseMs = (header: string | null): number => {
  const seconds = Number(header) || (Date.parse(header!) - Date.now()) / 1_000 || 0;
  return Math.min(seconds, MAX_PAUSE_S) * 1_000;
};

export const createTransport = ({ url, key }: Settings): Transport => {
  let keptAlive = 0;

  const request = async (query: string, body: BufferSource, headers: Record<string, string>): Promise<Answer> => {
    const bytes = body.byteLength;
    const keepalive = keptAlive + bytes <= KEEPALIVE_BYTES;
    if (keepalive) keptAlive += bytes;
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const answer = await fetch(url + query, { method: "POST", credentials: "omit", keepalive, headers, body, signal });
      const words = (await answer.json().catch(() => 0)) as Body | null;
      return [answer.status, words ?? {}, pauseMs(answer.headers.get("Retry-After"))];
    } catch (error) {
      return [0, { code: "network", detail: `${error}` }, 0];
    } finally {
      if (keepalive) keptAlive -= bytes;
    }
  };

  return {
    send: async (rows) => {
      const headers: Record<string, string> = { "Content-Type": "application/json" };
      if (key) headers["X-Write-Key"] = key;
      let body: BufferSource = utf8(encode(rows));
      if (body.byteLength >= COMPRESS_FROM_BYTES && globalThis.CompressionStream) {
        const zipped = new Blob([body]).stream().pipeThrough(new CompressionStream("gzip"));
        body = await new Response(zipped).arrayBuffer();
        headers["Content-Encoding"] = "gzip";
      }
      return request("", body, headers);
    },
    // text/plain and the key in the URL: a request that the browser sends without asking (a preflight) first.
    sendLast: (rows) => {
      const query = key ? `?key=${encodeURIComponent(key)}` : ""; // also where it is given as undefined
      const text = encode(rows);
      const body = utf8(text);
      return keptAlive + body.byteLength <= KEEPALIVE_BYTES
        ? request(query, body, { "Content-Type": "text/plain" })
        : navigator.sendBeacon(url + query, text);
    },
  };
};
