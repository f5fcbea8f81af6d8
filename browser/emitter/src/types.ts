/** What a page says to the emitter and hears from it. */

/** The types of actions a page emits, each with its properties: `{ CLICK: { locationX: number } }`. */
export type ActionMap = object;

/** Properties of one type; of any shape when the map does not name it. */
export type PropertiesOf<Actions, Type extends keyof Actions> = Actions[Type] extends object ? Actions[Type] : object;

/** The arguments after the type: properties may be left out where none are required. */
export type EmitArguments<Actions, Type extends keyof Actions> =
  Partial<PropertiesOf<Actions, Type>> extends PropertiesOf<Actions, Type>
    ? [properties?: PropertiesOf<Actions, Type>, timeMs?: number]
    : [properties: PropertiesOf<Actions, Type>, timeMs?: number];

/** Types that `capture` emits. */
export type Captured = "CLICK" | "VIEW" | "NAVIGATE";

/** An action that can never be accepted, and why. It is out of the queue. */
export interface Rejection {
  id: string;
  userId: string;
  sessionId: string;
  /** The action as it was sent; empty when its properties could not be written as JSON. */
  json: string;
  reason: string;
}

/** An attempt that failed as a whole. Its actions stay in the queue. */
export interface Failure {
  /** HTTP status; 0 without an answer, or when the failure is the browser's storage. */
  status: number;
  /** The service's code (`rate-limited`, `key-unknown`, …), `network` or `storage`; none in a foreign answer. */
  code: string | undefined;
  detail: string | undefined;
  /** False: this page tries no more until `flush()`; a later page does. */
  retries: boolean;
}

/** What became of all actions of this browser. `emitted = accepted + rejected + dropped + queued`, at any moment. */
export interface Counters {
  emitted: number;
  /** The service has answered that Kafka holds them. */
  accepted: number;
  /** The service has answered that they are wrong, or they were no JSON. */
  rejected: number;
  /** Left out: the queue was full, the user opted out, or the page died before it could store them. */
  dropped: number;
  queued: number;
}

export interface EmitterOptions {
  /** Address of `POST /log`: `https://log.example/log`. */
  url: string;
  /** The write key; none while the service is open. */
  key?: string;
  userId: string;
  sessionId: string;
  /** Name of the queue, shared by all pages of an origin. Another service needs another name. */
  name?: string;
  /** Actions of one request at most. */
  maxActions?: number;
  /** Bytes of one request's actions at most, before compression. Above 60,000 it cannot be kept alive. */
  maxBytes?: number;
  /** Milliseconds that an action waits for others. */
  maxAgeMs?: number;
  /** Bytes of the queue; beyond, the oldest actions are dropped. */
  maxQueueBytes?: number;
  /** What is captured by itself. */
  capture?: readonly Captured[];
  /** The name of a page in VIEW and NAVIGATE; by default the path, without query and fragment. */
  pageName?: (url: URL) => string;
  /** Emit nothing while the browser asks not to be tracked (DNT, GPC). Default true. */
  respectDoNotTrack?: boolean;
  /** Say rejections, drops and failures in the console. Default: on localhost. */
  debug?: boolean;
  onReject?: (rejection: Rejection) => void;
  onDrop?: (count: number, reason: string) => void;
  onError?: (failure: Failure) => void;
}

export interface Emitter<Actions extends ActionMap> {
  /** Queue an action; its id, or undefined when the user is not to be logged. Never throws, never waits. */
  emit<Type extends keyof Actions & string>(type: Type, ...rest: EmitArguments<Actions, Type>): string | undefined;
  /** Send what is queued. Resolves when nothing is left, or when it has to wait (see `onError`). */
  flush(): Promise<void>;
  /** The user, and the session, of what is emitted from now on. */
  identify(userId: string, sessionId?: string): void;
  /** Emit nothing any more, on any page of this origin; what is queued is dropped. Remembered until `optIn()`. */
  optOut(): Promise<void>;
  optIn(): void;
  counters(): Promise<Counters>;
  /** Stop listening, capturing and sending. The queue stays for the next page. */
  close(): void;
}
