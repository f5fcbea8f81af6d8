/** Requests under way: a bar at the top at once, and after a moment a button that cancels them. */

import { cancelAll, useActivity } from "../api/activity";
import { toast } from "./toasts";

/** For the button and for Escape. Whether there was anything to cancel. */
export function cancelRequests(): boolean {
  const any = cancelAll();
  if (any) toast("Cancelled");
  return any;
}

/** At the top of the page. */
export function Progress() {
  return useActivity() > 0 && <div class="progress-bar" role="progressbar" aria-label="Reading" />;
}

/** In the foot of the page. */
export function Cancel() {
  if (useActivity() === 0) return null;
  return (
    <button type="button" class="cancel" onClick={cancelRequests}>
      Cancel <kbd>Esc</kbd>
    </button>
  );
}
