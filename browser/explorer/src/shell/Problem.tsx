/** An error of the API where its answer would be: what is wrong, with which field, and a way to ask again. */

import type { ApiError } from "../api/client";

interface Props {
  readonly error: ApiError;
  readonly again?: () => void;
}

export function Problem({ error, again }: Props) {
  const told = error.errors.filter(({ reason }) => !error.detail.includes(reason));
  return (
    <div class="problem" role="alert">
      <p>{error.detail}</p>
      {told.length > 0 && (
        <ul>
          {told.map(({ path, reason }) => (
            <li key={path}>
              <code>{path}</code> {reason}
            </li>
          ))}
        </ul>
      )}
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}
