/** Colours of values: a value keeps its colour while the page is open, and no two of one chart share one. */

const COLOURS = 8;
const known = new Map<string, number>();

/** A CSS class (`c0` … `c7`, `c-other`) for each of at most eight values, in their order. */
export function colours(values: readonly string[]): readonly string[] {
  const taken = new Set<number>();
  const wanted = values.map((value) => known.get(value));
  for (const colour of wanted) if (colour !== undefined) taken.add(colour);
  const used = new Set<number>();
  return values.map((value, index) => {
    const before = wanted[index];
    const colour = before === undefined || used.has(before) ? free(taken, used) : before;
    if (colour === null) return "c-other";
    used.add(colour);
    known.set(value, colour);
    return `c${colour}`;
  });
}

/** The colour that a value has in the chart, if any: for the same value elsewhere in the page. */
export function colourOf(value: string): string {
  const colour = known.get(value);
  return colour === undefined ? "c-other" : `c${colour}`;
}

function free(taken: ReadonlySet<number>, used: ReadonlySet<number>): number | null {
  const all = [...Array(COLOURS).keys()];
  return all.find((one) => !taken.has(one) && !used.has(one)) ?? all.find((one) => !used.has(one)) ?? null;
}
