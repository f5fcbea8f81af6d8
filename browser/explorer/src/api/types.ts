/** The answers of the query API that the page reads: see /docs of the running service. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

export interface Action {
  readonly id: string;
  readonly userId: string;
  readonly sessionId: string;
  /** RFC 3339 in the client's own offset. */
  readonly time: string;
  readonly type: string;
  readonly properties: { readonly [name: string]: Json };
  readonly receivedAt: string;
}

export interface ActionPage {
  readonly actions: readonly Action[];
  readonly next: string | null;
}

export interface Figures {
  readonly count: number;
}

export interface CountsGroup {
  /** One value for each field of groupBy; null: the action has no such property. */
  readonly key: readonly Json[];
  readonly total: Figures;
  readonly values?: { readonly count: readonly number[] };
}

export interface Counts {
  readonly interval: string | null;
  readonly timeZone: string;
  readonly startTime: string | null;
  readonly endTime: string | null;
  readonly groupBy: readonly string[];
  readonly times?: readonly string[];
  readonly groups?: readonly CountsGroup[];
  readonly other?: Omit<CountsGroup, "key"> | null;
  readonly total: Figures;
  readonly values?: { readonly count: readonly number[] };
}

export interface FieldUse {
  readonly path: string;
  readonly actions: number;
  readonly kinds: readonly string[];
  readonly examples: readonly Json[];
}

export interface Fields {
  readonly sampledActions: number;
  readonly fields: readonly FieldUse[];
}

export interface DeadLetter {
  readonly id: string;
  readonly partition: number;
  readonly offset: number;
  readonly recordedAt: string | null;
  readonly storedAt: string | null;
  readonly reason: string;
  /** ClickHouse's; 0: the sink itself refused it. */
  readonly errorCode: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly truncated: boolean;
}

export interface DeadLetters {
  readonly deadLetters: readonly DeadLetter[];
  readonly next: string | null;
}

export interface Pipeline {
  readonly lagRecords: number | null;
  readonly lagSeconds: number | null;
  readonly storedUntil: string | null;
  readonly acceptedPerSecond: number | null;
  readonly storedPerSecond: number | null;
  readonly ageSeconds: number;
  readonly partitions: readonly { readonly partition: number; readonly committed: number | null; readonly end: number | null }[];
  readonly trouble: string | null;
}

export interface Place {
  readonly id: string;
  readonly state: "stored" | "dead-lettered" | "in-flight" | "unknown";
  readonly action: Action | null;
  readonly partition: number | null;
  readonly offset: number | null;
  readonly acceptedAt: string | null;
  readonly storedAt: string | null;
  readonly reason: string | null;
}

/** An error of the API, problem+json (RFC 9457). */
export interface ProblemJson {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { readonly path: string; readonly reason: string }[];
}
