/** The property paths that occur among the actions of a view: what can be filtered, grouped and listed by. */

import { getJson } from "../api/client";
import type { Fields, FieldUse } from "../api/types";
import { useData } from "../api/useData";
import { apiParameters, type ViewProps } from "../state/view";

const MOST = 200;
const NONE: readonly FieldUse[] = [];

export function useFields({ view, stamp }: ViewProps): readonly FieldUse[] {
  const parameters = [...apiParameters(view), ["limit", String(MOST)] as const];
  const { data } = useData(JSON.stringify([parameters, stamp]), (signal) =>
    getJson<Fields>("/log/fields", parameters, { signal, quiet: true }),
  );
  return data?.fields ?? NONE;
}
