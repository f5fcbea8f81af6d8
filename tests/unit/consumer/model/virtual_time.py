"""The service's clock and its jitter, in the hands of the test."""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from unittest import mock

import consumer.service
import consumer.source


class VirtualTime:
    """Stands in for the module ``time`` in the service and the source: each process has its own clock, its loop's."""

    @staticmethod
    def monotonic() -> float:
        return asyncio.get_running_loop().time()

    time = monotonic


@contextlib.contextmanager
def virtual_time() -> Iterator[None]:
    """The sink's clock is its loop's, and its jitter the same in every run."""
    state = random.getstate()
    random.seed(0)
    try:
        with (
            mock.patch.object(consumer.service, "time", VirtualTime),
            mock.patch.object(consumer.source, "time", VirtualTime),
        ):
            yield
    finally:
        random.setstate(state)
