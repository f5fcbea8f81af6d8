export { createEmitter } from "./emitter";
export type * from "./types";
