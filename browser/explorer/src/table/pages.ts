/** The rows of a view, page after page of GET /log's cursor, as far as somebody scrolled.
 *
 * A page begins where the one before it ended, so pages are first read in order. Each one's cursor is kept: of the
 * pages themselves only the ones around the reader stay in memory, the others are read again when they are needed.
 */
import type { ApiError } from "../api/client";
import type { Action, ActionPage } from "../api/types";

export const PAGE_ROWS = 200;
const KEPT_PAGES = 25;

/** Reads the page that begins at `cursor`; null: the first. */
export type ReadPage = (cursor: string | null, limit: number, signal: AbortSignal) => Promise<ActionPage>;

export type Ending =
  | { readonly kind: "error"; readonly error: ApiError }
  | { readonly kind: "cancelled" };

export class Pages {
  /** Rows known to be there; the last page may be followed by more while `hasMore`. */
  count = 0;
  hasMore = true;
  /** Why reading has stopped, until `again`. */
  ending: Ending | null = null;
  private readonly cursors: (string | null)[] = [null];
  private readonly pages = new Map<number, readonly Action[]>();
  private readonly controller = new AbortController();
  private reading = false;
  private wanted: readonly [first: number, last: number] = [0, 0];

  /** `explain` turns what `read` throws into an ending. `changed` is called after each change. */
  constructor(
    private readonly read: ReadPage,
    private readonly explain: (error: unknown) => Ending,
    private readonly changed: () => void,
  ) {}

  get busy(): boolean {
    return this.reading;
  }

  /** Whether the first page is there. */
  get started(): boolean {
    return this.cursors.length > 1 || !this.hasMore;
  }

  /** The row at `index`; undefined while its page is not in memory. */
  row(index: number): Action | undefined {
    return this.pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS];
  }

  /** Where an action stands among the rows in memory; -1 when it is not there. */
  indexOf(id: string): number {
    for (const [number, rows] of this.pages) {
      const at = rows.findIndex((row) => row.id === id);
      if (at >= 0) return number * PAGE_ROWS + at;
    }
    return -1;
  }

  /** The rows from `first` to `last` are looked at: reads what is missing there, one page at a time. */
  need(first: number, last: number): void {
    this.wanted = [Math.max(0, first), Math.max(0, last)];
    void this.readNext();
  }

  /** Goes on after an error or a cancelled request. */
  again(): void {
    this.ending = null;
    void this.readNext();
  }

  close(): void {
    this.controller.abort();
  }

  private async readNext(): Promise<void> {
    const number = this.missing();
    if (this.reading || this.ending || number === null || this.controller.signal.aborted) return;
    this.reading = true;
    this.changed();
    try {
      const cursor = this.cursors[number] ?? null;
      this.take(number, await this.read(cursor, PAGE_ROWS, this.controller.signal));
    } catch (error) {
      if (!this.controller.signal.aborted) this.ending = this.explain(error);
    }
    this.reading = false;
    if (this.controller.signal.aborted) return;
    this.changed();
    await this.readNext();
  }

  /** The first page in the wanted range that is not in memory and whose cursor is known. */
  private missing(): number | null {
    const [first, last] = this.wanted.map((row) => Math.floor(row / PAGE_ROWS)) as [number, number];
    const end = Math.min(last, this.cursors.length - 1);
    for (let number = Math.min(first, end); number <= end; number += 1) {
      const beyond = number === this.cursors.length - 1 && !this.hasMore;
      if (!this.pages.has(number) && !beyond) return number;
    }
    return null;
  }

  private take(number: number, page: ActionPage): void {
    if (this.controller.signal.aborted) return;
    this.pages.set(number, page.actions);
    if (number === this.cursors.length - 1) {
      this.count = number * PAGE_ROWS + page.actions.length;
      this.hasMore = page.next !== null;
      this.cursors.push(page.next);
    }
    this.forget(number);
  }

  /** Lets go of the pages that are farthest from the one just read. */
  private forget(around: number): void {
    const far = [...this.pages.keys()].sort((one, other) => Math.abs(other - around) - Math.abs(one - around));
    for (const number of far.slice(0, Math.max(0, this.pages.size - KEPT_PAGES))) this.pages.delete(number);
  }
}
