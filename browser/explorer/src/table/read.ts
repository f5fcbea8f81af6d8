/** Actions of the API whose numbers read as they were sent.
 *
 * `JSON.parse` rounds 9007199254740993. Browsers tell a reviver how a number was spelt; where the number would not be
 * spelt so again, its spelling stays, as a string. A browser that doesn't tell rounds in the table, not in the open row.
 */
import { get } from "../api/client";
import type { ActionPage } from "../api/types";
import { remember } from "../state/remembered";
import type { Parameters } from "../state/view";

/** A page of GET /log. Throws as `getJson` does. */
export async function readPage(parameters: Parameters, signal: AbortSignal): Promise<ActionPage> {
  const page = await get("/log", parameters, { signal }, async (response) => parseExact<ActionPage>(await response.text()));
  remember(page.actions);
  return page;
}

interface Spelt {
  readonly source?: string;
}

/** As `JSON.parse`, but a number that would not be spelt so again is the string of its spelling. */
export function parseExact<T>(text: string): T {
  const revive = (_: string, value: unknown, spelt?: Spelt): unknown => {
    if (typeof value !== "number" || !spelt?.source || String(value) === spelt.source) return value;
    return spelt.source;
  };
  return JSON.parse(text, revive) as T;
}
