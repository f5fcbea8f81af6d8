"""A deadline: what is left of the time that all queries of one request may take."""

import time

from query_api.errors import QueryTimedOut


class Deadline:
    """Runs from its making."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._ends_at = time.monotonic() + timeout_s

    def remaining_s(self) -> float:
        """Seconds left, above 0; raises QueryTimedOut when there are none."""
        remaining_s = self._ends_at - time.monotonic()
        if remaining_s <= 0:
            raise QueryTimedOut(f"the queries of this request took longer than {self.timeout_s:g} s")
        return remaining_s
