import type { Request } from "./request";

/** The request as a Python program without dependencies, which prints all actions of the view, page by page. */
export function python(request: Request): string {
  const headers = request.needsKey ? [`headers = {"Authorization": "Bearer " + os.environ["ACTIONLOG_KEY"]}`] : [];
  const asked = request.needsKey ? "urllib.request.Request(url, headers=headers)" : "url";
  return [
    "import json",
    ...(request.needsKey ? ["import os"] : []),
    "import urllib.parse",
    "import urllib.request",
    "",
    ...headers,
    "query = [",
    ...request.parameters.map(([name, value]) => `    (${literal(name)}, ${literal(value)}),`),
    "]",
    "cursor = None",
    "while True:",
    `    pairs = query + ([("cursor", cursor)] if cursor else [])`,
    `    url = ${literal(request.origin + request.path + "?")} + urllib.parse.urlencode(pairs)`,
    `    page = json.load(urllib.request.urlopen(${asked}))`,
    `    for action in page["actions"]:`,
    `        print(json.dumps(action))`,
    `    cursor = page["next"]`,
    "    if not cursor:",
    "        break",
    "",
  ].join("\n");
}

/** A string literal that reads as it runs: what is not printable, and what turns the direction of text, is escaped. */
function literal(text: string): string {
  return JSON.stringify(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const point = character.codePointAt(0) ?? 0;
    return point > 0xffff ? `\\U${hex(point, 8)}` : `\\u${hex(point, 4)}`;
  });
}

function hex(point: number, digits: number): string {
  return point.toString(16).padStart(digits, "0");
}
