"""The watermark without Kafka: one reading for all, none while nobody asks, and what a failure does."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from contract.receipt import Receipt
from query_api.access.access import Access
from query_api.errors import LogUnavailable
from query_api.live.receipts import Receipts, preferred_wait_s
from query_api.live.watermark import Reading, Watermark
from query_api.serving import Serving
from query_api.settings import Settings
from query_api.turns import Turns
from query_api.work import Work

offsets = st.dictionaries(st.integers(0, 20), st.integers(0, 2**62), max_size=5)


class Kafka:
    """Answers when it is let; counts."""

    def __init__(self) -> None:
        self.asked = 0
        self.offsets: Mapping[int, int] | None = {0: 5}
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def committed(self) -> Mapping[int, int]:
        self.asked += 1
        await self.may_answer.wait()
        if self.offsets is None:
            raise LogUnavailable("away")
        return self.offsets

    async def ends(self) -> Mapping[int, int]:
        return {}


def of(kafka: Kafka, **settings: int) -> Watermark:
    return Watermark(kafka, Settings.model_validate({"watermark_max_age_ms": 60_000, **settings}))


async def test_all_who_ask_at_once_share_one_reading() -> None:
    kafka = Kafka()
    kafka.may_answer.clear()
    watermark = of(kafka)
    asking = [asyncio.create_task(watermark.fresh()) for _ in range(20)]
    await asyncio.sleep(0)
    assert watermark.latest() is None, "nobody is held up"
    kafka.may_answer.set()
    assert {reading.committed[0] for reading in await asyncio.gather(*asking)} == {5}
    assert await watermark.fresh() is watermark.latest()
    assert kafka.asked == 1


async def test_one_who_leaves_does_not_end_the_others_reading() -> None:
    kafka = Kafka()
    kafka.may_answer.clear()
    watermark = of(kafka)
    leaving, staying = (asyncio.create_task(watermark.fresh()) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    kafka.may_answer.set()
    assert (await staying).committed == {0: 5}


async def test_a_failure_makes_it_unknown_and_is_not_repeated_within_the_pause() -> None:
    kafka = Kafka()
    watermark = of(kafka, reconnect_pause_ms=60_000, watermark_max_age_ms=0)
    await watermark.fresh()
    kafka.offsets = None
    with pytest.raises(LogUnavailable, match="away"):
        await watermark.fresh()
    assert watermark.latest() is None
    with pytest.raises(LogUnavailable, match="away"):
        await watermark.fresh()
    assert kafka.asked == 2


async def test_after_the_pause_it_is_asked_again() -> None:
    kafka = Kafka()
    watermark = of(kafka, reconnect_pause_ms=0)
    kafka.offsets = None
    with pytest.raises(LogUnavailable):
        await watermark.fresh()
    kafka.offsets = {0: 7}
    assert (await watermark.fresh()).committed == {0: 7}


async def test_closing_ends_a_reading_under_way() -> None:
    kafka = Kafka()
    kafka.may_answer.clear()
    watermark = of(kafka)
    watermark.latest()
    await asyncio.sleep(0)
    await watermark.close()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_an_answer_tells_the_watermark_from_before_its_queries() -> None:
    """What is stored while they run may be missing in it."""
    kafka = Kafka()
    watermark = of(kafka, watermark_max_age_ms=0)
    await watermark.fresh()
    settings = Settings()
    unused: Any = None
    turns = Turns(1, waiting=0, max_wait_s=0)
    serving = Serving(settings, unused, turns, unused, Access(settings), Receipts(watermark, settings))

    async def stored_meanwhile(_: Work) -> bytes:
        kafka.offsets = {0: 9}
        while (await watermark.fresh()).committed != {0: 9}:
            pass
        return b"{}"

    body, work = await serving.run(_request(), stored_meanwhile)
    told = serving.answer(body, work).headers["actionlog-watermark"]
    assert Receipt.decode(told).offsets == {0: 4}


def _request() -> Request:
    async def receive() -> Message:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    return Request({"type": "http", "path": "/log", "query_string": b"", "headers": []}, receive)


@given(offsets)
def test_the_watermark_is_a_receipt_that_it_has_passed_itself(committed: dict[int, int]) -> None:
    reading = Reading(committed, 0.0)
    receipt = Receipt.decode(reading.receipt().encode())
    assert reading.passed(receipt)
    for number, offset in receipt.offsets.items():
        assert not Reading({**committed, number: offset}, 0.0).passed(receipt), "one record less has not"


@given(offsets, offsets)
def test_behind_counts_the_records_up_to_the_receipt(committed: dict[int, int], wanted: dict[int, int]) -> None:
    behind = Reading(committed, 0.0).behind(Receipt(wanted))
    advanced = {number: committed.get(number, 0) + records for number, records in behind.items()}
    assert Reading({**committed, **advanced}, 0.0).passed(Receipt(wanted))
    assert all(advanced[number] == wanted[number] + 1 for number in behind)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], None),
        (["wait=10"], 10),
        (["respond-async, WAIT = 10 ; x=1"], 10),
        (["respond-async", 'wait="7"'], 7),
        (["wait=1, wait=2"], 1),
        (["wait=0"], 0),
        (["wait", "wait=", "wait=-1", "wait=1.5", "wait=1s", "await=3", "wait=٣", f"wait={'9' * 40}"], None),
    ],
)
def test_the_preferred_wait_is_read_as_rfc_7240_has_it(headers: list[str], seconds: int | None) -> None:
    assert preferred_wait_s(headers) == seconds
