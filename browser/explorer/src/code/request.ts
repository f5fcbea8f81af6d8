/** A request for the actions of a view, in whichever language it is then written. */
export interface Request {
  /** Scheme, host and port, without a slash at the end. */
  readonly origin: string;
  readonly path: string;
  /** Names and values as they are before any encoding; well-formed Unicode. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** Whether a key has to be given; it is named, never shown. */
  readonly needsKey: boolean;
}
