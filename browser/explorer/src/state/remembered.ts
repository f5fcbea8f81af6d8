/** Actions that were read already, by id: a row opens at once, before the API is asked. Bounded: oldest go first. */

import type { Action } from "../api/types";

const MOST = 2000;
const actions = new Map<string, Action>();

export function remember(many: readonly Action[]): void {
  for (const action of many) {
    actions.delete(action.id);
    actions.set(action.id, action);
  }
  for (const id of actions.keys()) {
    if (actions.size <= MOST) break;
    actions.delete(id);
  }
}

export function remembered(id: string): Action | undefined {
  return actions.get(id);
}
