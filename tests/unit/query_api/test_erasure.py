"""An erasure: up to where rows may be deleted, what is of an earlier topic, and how long Kafka keeps its copies."""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import replace

import pytest

from query_api.erasing.erasure import Erasure, Found, State, foreign_until
from query_api.erasing.erasure_store import ErasureStore
from query_api.erasing.erasures import Erasures, kept_until
from query_api.errors import QueryTimedOut
from query_api.live.watermark import Watermark
from query_api.settings import Settings
from tests.waiting import wait_until_async

HOUR_MS = 3_600_000


def erasure(log_ends: dict[int, int]) -> Erasure:
    return Erasure(uuid.uuid4(), "u", "admin", log_ends, None, None, {State.REQUESTED: 0})


def test_rows_are_deleted_up_to_what_was_asked_for_and_never_beyond_what_the_sink_has_committed() -> None:
    assert erasure({0: 10, 1: 10, 2: 10}).bounds({0: 99, 1: 4}) == {0: 10, 1: 4, 2: 0}


def test_it_waits_for_the_sink_in_each_partition() -> None:
    asked = erasure({0: 10, 1: 10, 2: 0})
    assert asked.waits_for({0: 9}) == {0: 1, 1: 10}
    assert asked.waits_for({0: 10, 1: 11}) == {}


def test_rows_at_or_beyond_the_logs_end_are_of_an_earlier_topic() -> None:
    assert foreign_until([Found(0, 10, 5), Found(1, 3, 7)], {0: 10, 1: 3}) is None
    assert foreign_until([Found(0, 11, 5), Found(1, 3, 7)], {0: 10, 1: 3}) == 5
    assert foreign_until([Found(9, 1, 5)], {0: 10}) == 5, "a partition that the topic does not have"


@pytest.mark.parametrize(
    ("changed", "until_ms"),
    [
        ({}, 1_000 + HOUR_MS + 2 * HOUR_MS + HOUR_MS + 360_000),
        ({"retention.ms": "-1"}, None),
        ({"cleanup.policy": "compact"}, None),
        ({"cleanup.policy": "compact,delete"}, 1_000 + 4 * HOUR_MS + 360_000),
        ({"segment.ms": str(1 << 62)}, None),
    ],
)
def test_kafka_keeps_records_until_their_segment_is_full_or_old_and_then_its_retention(
    changed: dict[str, str], until_ms: int | None
) -> None:
    configuration = {"retention.ms": str(HOUR_MS), "segment.ms": str(2 * HOUR_MS), "cleanup.policy": "delete"}
    assert kept_until({**configuration, **changed}, 1_000) == until_ms


class Stubborn(ErasureStore):
    """Fails to hide the actions of the first user."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.noted: set[tuple[str, State]] = set()

    async def unfinished(self) -> list[Erasure]:
        return [replace(erasure({0: 1}), user_id=user, state=State.HIDDEN) for user in ("first", "second")]

    async def hide(self, erasure: Erasure, bounds: Mapping[int, int]) -> int:
        if erasure.user_id == "first":
            raise QueryTimedOut("the DELETE took too long")
        return 0

    async def note(self, erasure: Erasure, state: State, rows: int = 0) -> None:
        self.noted.add((erasure.user_id, state))


class Passed:
    """A log that the sink has stored, of a topic whose settings nobody knows."""

    async def committed(self) -> Mapping[int, int]:
        return {0: 1}

    async def ends(self) -> Mapping[int, int]:
        return {0: 1}

    async def configuration(self) -> Mapping[str, str]:
        return {}


async def test_one_that_fails_does_not_hold_up_the_others() -> None:
    settings, log = Settings(), Passed()
    store = Stubborn(settings)
    working = asyncio.create_task(Erasures(store, Watermark(log, settings), log, settings).work())

    async def is_settled() -> bool:
        return ("second", State.SETTLED) in store.noted

    await wait_until_async(is_settled, 10, "the second erasure is settled")
    working.cancel()


def test_what_kafka_does_not_tell_is_unknown() -> None:
    assert kept_until({}, 1_000) is None
