/** Requests to the query API: with the key, cancellable, their errors as one class. The only user of fetch. */

import type { Parameters } from "../state/view";
import { askForKey, key } from "./key";
import { begin } from "./activity";
import type { ProblemJson } from "./types";

/** What the API refused, or why it could not be reached (`code` "unreachable", status 0). */
export class ApiError extends Error implements ProblemJson {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly { readonly path: string; readonly reason: string }[];

  constructor(problem: ProblemJson) {
    super(problem.detail);
    this.status = problem.status;
    this.code = problem.code;
    this.errors = problem.errors ?? [];
  }

  get detail(): string {
    return this.message;
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

export function address(path: string, parameters: Parameters): string {
  const query = new URLSearchParams(parameters.map(([name, value]) => [name, value])).toString();
  return query ? `${path}?${query}` : path;
}

interface Options {
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  /** Polled in the background: moves no progress bar and is not cancelled by Escape. */
  readonly quiet?: boolean;
  /** By the clock: a 401 asks nobody for a key, who may just have said no. */
  readonly polled?: boolean;
}

/** GET, the answer as JSON. Throws ApiError; a DOMException "AbortError" when cancelled. */
export function getJson<T>(path: string, parameters: Parameters = [], options: Options = {}): Promise<T> {
  return get(path, parameters, options, (response) => response.json() as Promise<T>);
}

/** GET, the answer as `read` makes it of the response. Throws as getJson does. */
export async function get<T>(
  path: string,
  parameters: Parameters,
  options: Options,
  read: (response: Response) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const signal = options.signal ? AbortSignal.any([own.signal, options.signal]) : own.signal;
  const end = options.quiet ? (): void => {} : begin(() => own.abort());
  try {
    return await read(await open(path, parameters, { ...options, signal }));
  } catch (error) {
    if (error instanceof ApiError || isAbort(error)) throw error;
    throw new ApiError({ status: 0, code: "broken-off", detail: "The answer broke off before its end." });
  } finally {
    end();
  }
}

/** GET, the answer as it comes: for streams. Throws as getJson does; not counted as activity. */
export async function open(path: string, parameters: Parameters, options: Options = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  const used = key();
  if (used) headers.set("Authorization", `Bearer ${used}`);
  const response = await reach(address(path, parameters), { headers, signal: options.signal ?? null });
  if (response.ok) return response;
  const error = await problem(response);
  if (response.status === 401 && !options.polled) askForKey(used, error.detail);
  throw error;
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, cache: "no-store", credentials: "same-origin", referrerPolicy: "no-referrer" });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError({ status: 0, code: "unreachable", detail: "The query service does not answer." });
  }
}

async function problem(response: Response): Promise<ApiError> {
  try {
    return new ApiError((await response.json()) as ProblemJson);
  } catch (error) {
    if (isAbort(error)) throw error;
    const detail = `The answer was ${response.status} ${response.statusText}, without a reason.`;
    return new ApiError({ status: response.status, code: "no-reason", detail });
  }
}
