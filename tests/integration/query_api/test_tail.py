"""GET /log/tail: what arrives is seen, once per watcher, by one reader; what is not seen is told."""

import asyncio
import contextlib

import httpx
import pytest

from contract.receipt import Receipt
from contract.record import ActionRecord
from tests.integration.query_api import streams
from tests.integration.query_api.streams import metric, serving, watching
from tests.integration.query_api.topic import publish, record
from tests.namespace import Namespace
from tests.waiting import wait_until_async

pytestmark = pytest.mark.usefixtures("namespace")


async def gone(client: httpx.AsyncClient) -> None:
    async def is_gone() -> bool:
        return await metric(client, "actionlog_query_tail_watchers") == 0

    await wait_until_async(is_gone, 10, "nobody watches")


async def no_reader(client: httpx.AsyncClient) -> None:
    async def is_stopped() -> bool:
        return await metric(client, "actionlog_query_tail_readers") == 0

    await wait_until_async(is_stopped, 10, "the reader has stopped")


def ids(records: list[ActionRecord]) -> list[str]:
    return [each.event_id for each in records]


async def test_what_arrives_is_seen_as_it_was_sent(namespace: Namespace) -> None:
    sent = record(properties='{"a":\n 1.0,\r\n"b":"\\n"}')
    async with serving(namespace) as client, watching(client) as events:
        assert events.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert "actionlog-watermark" in events.answer.headers
        (offset,) = await publish(namespace, [sent], partition=2)
        (seen,) = await events.actions(1)
    assert seen == {
        "id": sent.event_id,
        "userId": "u",
        "sessionId": "s",
        "time": "2026-11-20T06:00:00.250000-06:00",
        "type": "CLICK",
        "properties": {"a": 1.0, "b": "\n"},
        "partition": 2,
        "offset": offset,
        "receivedAt": "2026-11-20T12:00:00.250000Z",
    }


async def test_many_watchers_see_what_their_filters_say_through_one_reader(namespace: Namespace) -> None:
    types = ("CLICK", "VIEW", "SCROLL")
    sent = [record(type_=types[number % 3], properties=f'{{"n": {number}}}') for number in range(30)]
    async with serving(namespace) as client, contextlib.AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(watching(client, {"type": name})) for name in types * 3]
        some = await stack.enter_async_context(watching(client, {"properties.n[gte]": "28"}))
        assert await metric(client, "actionlog_query_tail_readers") == 1
        assert await metric(client, "actionlog_query_tail_watchers") == 10
        await publish(namespace, [b"not an action", *sent])
        for name, events in zip(types * 3, opened, strict=True):
            seen = await events.actions(10)
            assert [action["id"] for action in seen] == ids([each for each in sent if each.type == name])
        assert [action["id"] for action in await some.actions(2)] == ids(sent[28:])


async def test_who_comes_back_misses_nothing_and_sees_nothing_twice(namespace: Namespace) -> None:
    first, between, later = ([record() for _ in range(5)] for _ in range(3))
    async with serving(namespace) as client:
        async with watching(client) as events:
            await publish(namespace, first[:3], partition=0)
            await publish(namespace, first[3:], partition=1)
            seen = [action["id"] for action in await events.actions(5)]
            assert sorted(seen) == sorted(ids(first))
            last_id = events.last_id
        await gone(client)
        await publish(namespace, between[:2], partition=1)
        await publish(namespace, between[2:], partition=2)  # which had none before
        async with watching(client, last_id=last_id) as events:
            caught_up = [action["id"] for action in await events.actions(5)]
            assert sorted(caught_up) == sorted(ids(between))
            await publish(namespace, later)
            assert [action["id"] for action in await events.actions(5)] == ids(later)


async def test_a_quiet_stream_moves_its_position_with_the_log(namespace: Namespace) -> None:
    async with serving(namespace, tail_heartbeat_s=0.05) as client:
        async with watching(client, {"type": "RARE"}) as events:
            (offset,) = await publish(namespace, [record()])
            moved = streams.Event("", None, "at." + Receipt({0: offset + 1, 1: 0, 2: 0}).encode())
            await events.next(lambda event: event == moved)
        async with watching(client, last_id=events.last_id) as events:
            wanted = record()
            await publish(namespace, [wanted])
            assert [action["id"] for action in await events.actions(1)] == [wanted.event_id]


async def test_a_stream_can_begin_after_a_receipt(namespace: Namespace) -> None:
    sent = [record() for _ in range(3)]
    offsets = await publish(namespace, sent)
    async with (
        serving(namespace) as client,
        watching(client, {"after": Receipt({0: offsets[0]}).encode()}) as events,
    ):
        assert [action["id"] for action in await events.actions(2)] == ids(sent[1:])


async def test_who_comes_back_too_late_is_told_the_gap(namespace: Namespace) -> None:
    sent = [record() for _ in range(10)]
    async with serving(namespace, tail_resume_records=4, tail_grace_s=0.01) as client:
        async with watching(client) as events:
            await events.next(lambda event: event.id != "")
        await no_reader(client)  # else it may still be where the watcher was, and then nothing was missed
        await publish(namespace, sent)
        async with watching(client, last_id=events.last_id) as events:
            gap = await events.next()
            assert (gap.name, gap.data["skipped"]) == ("gap", 6)
            assert [action["id"] for action in await events.actions(4)] == ids(sent[6:])


async def test_a_position_of_another_log_is_told_and_the_stream_goes_on(namespace: Namespace) -> None:
    foreign = "at." + Receipt({0: 1_000}).encode()
    sent = record()
    async with serving(namespace) as client, watching(client, last_id=foreign) as events:
        gap = await events.next()
        assert (gap.name, gap.data["skipped"]) == ("gap", None)
        await publish(namespace, [sent])
        assert [action["id"] for action in await events.actions(1)] == [sent.event_id]


async def test_a_slow_watcher_is_told_how_many_it_missed(namespace: Namespace) -> None:
    """It reads nothing while more is sent than the sockets between hold."""
    large = '{"text": "' + "x" * 60_000 + '"}'
    count = 400
    patient = {"tail_queue_records": 5, "tail_send_timeout_s": 200}  # it reads on, however long publishing takes
    async with serving(namespace, **patient) as client, watching(client) as events:
        before = await metric(client, "actionlog_query_tail_missed_total")
        await publish(namespace, [record(properties=large) for _ in range(count)])

        async def has_missed() -> bool:
            return await metric(client, "actionlog_query_tail_missed_total") > before

        await wait_until_async(has_missed, 20, "something is missed")
        seen, missed = 0, 0
        while seen + missed < count:
            event = await events.next()
            seen, missed = (seen + 1, missed) if event.name == "message" else (seen, missed + event.data["count"])
        assert missed > 0
        assert seen + missed == count


async def test_watchers_are_bounded_and_one_that_leaves_makes_room(namespace: Namespace) -> None:
    async with serving(namespace, tail_max_watchers=1) as client:
        async with watching(client), watching(client) as refused:
            assert refused.answer.status_code == 503
            assert refused.answer.json()["code"] == "overloaded"
        await gone(client)
        async with watching(client) as events:
            assert events.answer.status_code == 200


async def test_the_reader_goes_with_the_last_watcher_and_comes_with_the_next(namespace: Namespace) -> None:
    async with serving(namespace, tail_grace_s=0) as client:
        for _ in range(3):
            async with watching(client) as events:
                sent = record()
                await publish(namespace, [sent])
                assert [action["id"] for action in await events.actions(1)] == [sent.event_id]

            async def is_closed() -> bool:
                return await metric(client, "actionlog_query_tail_readers") == 0

            await wait_until_async(is_closed, 10, "the reader is closed")


async def test_a_stream_ends_when_it_is_old_and_says_so(namespace: Namespace) -> None:
    async with serving(namespace, tail_max_age_s=0.2) as client, watching(client) as events:
        assert {event.name for event in await events.rest()} == {""}


async def test_streams_do_not_hold_up_a_stop(namespace: Namespace) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with serving(namespace, drain_timeout_s=100) as client:
            other = await stack.enter_async_context(httpx.AsyncClient(base_url=client.base_url, timeout=30))
            events = await stack.enter_async_context(watching(other))
            await events.next(lambda event: event.id != "")
        assert [event for event in await events.rest() if event.name] == []


async def test_kafka_away_is_a_503_at_once(namespace: Namespace) -> None:
    async with (
        serving(namespace, kafka_bootstrap_servers="127.0.0.1:1") as client,
        watching(client) as events,
    ):
        assert events.answer.status_code == 503
        assert events.answer.json()["code"] == "log-unavailable"
        assert int(events.answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("last_id", ["nonsense", "at.", "at.!", Receipt({0: 1}).encode()])
async def test_what_is_no_id_is_refused_by_name(namespace: Namespace, last_id: str) -> None:
    async with serving(namespace) as client, watching(client, last_id=last_id) as events:
        assert events.answer.status_code == 400
        assert [error["path"] for error in events.answer.json()["errors"]] == ["Last-Event-ID"]


async def test_an_unknown_parameter_is_refused(namespace: Namespace) -> None:
    async with serving(namespace) as client, watching(client, {"userid": "u"}) as events:
        assert events.answer.status_code == 400


async def test_cancelled_requests_leave_nothing(namespace: Namespace) -> None:
    async with serving(namespace, tail_grace_s=0) as client:

        async def glance() -> None:
            async with watching(client) as events:
                await events.next(lambda event: event.name == "never")

        glances = [asyncio.create_task(glance()) for _ in range(20)]

        async def all_watch() -> bool:
            return await metric(client, "actionlog_query_tail_watchers") == 20

        await wait_until_async(all_watch, 10, "all watch")
        for task in glances:
            task.cancel()
        await asyncio.gather(*glances, return_exceptions=True)
        await gone(client)
