"""One log line for a refused request, so that its id leads to the reason; a bounded number of lines a second."""

import time
from collections.abc import Callable

import structlog

from kit.problem import Problem

_log = structlog.get_logger(__name__)


class RefusalLog:
    """At most ``lines_per_s``: refusals come in floods, when Kafka is away or a client is broken.

    A line holds the code and no more: the detail quotes what the client sent.
    """

    def __init__(self, lines_per_s: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines_per_s = lines_per_s
        self._clock = clock
        self._second = 0
        self._lines = 0
        self._left_out = 0

    def write(self, problem: Problem, request_id: str | None) -> None:
        second = int(self._clock())
        if second != self._second:
            self._second, self._lines = second, 0
        if self._lines >= self._lines_per_s:
            self._left_out += 1
            return
        self._lines += 1
        left_out, self._left_out = self._left_out, 0
        extra = {"left_out_before": left_out} if left_out else {}
        _log.info("refused", request_id=request_id, status=problem.status, code=problem.code, **extra)
