import type { Request } from "./request";

/** The request as curl, to be pasted into any shell.
 *
 * What stands between the quotes is harmless in sh, bash, zsh and fish alike: values come from strangers, and a pasted
 * Ctrl-C or line end would run the rest of a value as a command. So whatever is not plainly printable, and quotes and
 * backslashes, which shells read differently, go percent-encoded.
 */
export function curl(request: Request): string {
  const lines = [`curl -sSG '${encodeUrl(request.origin + request.path)}'`];
  if (request.needsKey) lines.push(`-H "Authorization: Bearer $ACTIONLOG_KEY"`);
  for (const [name, value] of request.parameters) lines.push(parameter(name, value));
  return lines.join(" \\\n  ");
}

const HARMLESS = /^[^\p{C}\p{Zl}\p{Zp}'\\]*$/u;

function parameter(name: string, value: string): string {
  if (HARMLESS.test(value)) return `--data-urlencode '${encode(name)}=${value}'`;
  return `-d '${encode(name)}=${encode(value)}'`;
}

/** encodeURIComponent leaves the single quote as it is. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/'/g, "%27");
}

function encodeUrl(url: string): string {
  return encodeURI(url).replace(/'/g, "%27");
}
