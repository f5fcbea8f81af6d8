/** What is queued, and how a batch of it becomes a body. */

import { rfc3339 } from "./clock";

/** One queued action. `json` is the action as it is sent; `bytes` its size in UTF-8. */
export interface Row {
  id: string;
  userId: string;
  sessionId: string;
  json: string;
  bytes: number;
}

const encoder = new TextEncoder();

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);

/** The first rows of so many bytes together at most, but always one. */
export const fit = (rows: readonly Row[], maxBytes: number): Row[] => {
  const end = rows.findIndex((row, index) => (maxBytes -= row.bytes) < 0 && index);
  return end < 0 ? [...rows] : rows.slice(0, end);
};

/** A JSON array of envelopes: one for each run of rows of one user and session, in their order. */
export const encode = (rows: readonly Row[]): string => {
  const sentAt = rfc3339(Date.now());
  let body = "";
  let open = "";
  for (const { userId, sessionId, json } of rows) {
    const head = JSON.stringify({ userId, sessionId, sentAt }).slice(0, -1);
    body += head === open ? "," : `${open && "]},"}${head},"actions":[`;
    body += json;
    open = head;
  }
  return `[${body}]}]`;
};
