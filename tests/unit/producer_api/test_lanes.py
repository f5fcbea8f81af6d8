"""Group commit: what rides in which batch, and what every request is told."""

import asyncio

import pytest

from producer_api.delivery import UNKNOWN_OFFSET, Budget, Delivery, OverloadedError, Part, UnacknowledgedError
from producer_api.lanes import Lanes, SendError
from tests.unit.producer_api.fake_kafka import FakeKafka
from tests.waiting import wait_until_async

ROOM = 2_000


class Requests:
    """Lanes over a fake Kafka, and a way to put requests on them."""

    def __init__(self, kafka: FakeKafka, *, ack_timeout_s: float = 60, linger_s: float = 0) -> None:
        self.budget = Budget(ROOM)
        self.lanes = Lanes(kafka, self.budget, ack_timeout_s=ack_timeout_s, linger_s=linger_s)

    def post(self, *values: bytes, partitions: tuple[int, ...] = (0,)) -> asyncio.Future[dict[int, int]]:
        delivery = Delivery(self.lanes.loop, len(partitions))
        for partition in partitions:
            part = Part(delivery, [(b"key", list(values))])
            self.budget.take(part.size_bytes)
            self.lanes.append(partition, part)
        return delivery.future


async def settle() -> None:
    """Let every task run until it waits for something else."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_idle_lane_sends_at_once() -> None:
    kafka = FakeKafka()
    request = Requests(kafka).post(b"1", b"2")
    await settle()
    assert kafka.sent == [(0, [b"1", b"2"])]
    assert not request.done()
    kafka.acknowledge()
    await request


async def test_what_arrives_during_a_flight_rides_in_the_next_batch_together() -> None:
    kafka = FakeKafka()
    requests = Requests(kafka)
    first = requests.post(b"1")
    await settle()
    second, third = requests.post(b"2"), requests.post(b"3")
    await settle()
    assert len(kafka.sent) == 1
    kafka.acknowledge()
    await settle()
    assert first.done()
    assert not second.done()
    assert kafka.sent[1] == (0, [b"2", b"3"])
    kafka.acknowledge()
    await asyncio.gather(second, third)
    assert requests.budget.used_bytes == 0


async def test_a_request_larger_than_a_batch_is_acknowledged_with_its_last_one() -> None:
    kafka = FakeKafka(max_records=2)
    requests = Requests(kafka)
    large, small = requests.post(b"1", b"2", b"3"), requests.post(b"4")
    await settle()
    kafka.acknowledge()
    await settle()
    assert not large.done()
    kafka.acknowledge()
    await asyncio.gather(large, small)
    assert kafka.sent == [(0, [b"1", b"2"]), (0, [b"3", b"4"])]


async def test_a_request_on_several_partitions_waits_for_all_of_them() -> None:
    kafka = FakeKafka()
    request = Requests(kafka).post(b"1", partitions=(0, 5))
    await settle()
    kafka.acknowledge(5)
    await settle()
    assert not request.done()
    kafka.acknowledge(0)
    await request


async def test_a_request_is_told_the_offset_of_its_last_record_on_each_partition() -> None:
    kafka = FakeKafka()
    requests = Requests(kafka)
    first = requests.post(b"1", b"2", partitions=(0, 5))
    await settle()
    second, third = requests.post(b"3"), requests.post(b"4", b"5")
    for partition in (5, 0):
        kafka.acknowledge(partition)
    assert await first == {0: 1, 5: 1}
    await settle()
    kafka.acknowledge()
    assert [await second, await third] == [{0: 2}, {0: 4}]


async def test_a_request_larger_than_a_batch_is_told_the_offset_in_its_last_one() -> None:
    kafka = FakeKafka(max_records=2)
    request = Requests(kafka).post(b"1", b"2", b"3")
    await settle()
    kafka.acknowledge()
    await settle()
    kafka.acknowledge()
    assert await request == {0: 2}


async def test_an_offset_that_kafka_does_not_know_any_more_is_not_made_up() -> None:
    kafka = FakeKafka()
    kafka.forgetful = True
    request = Requests(kafka).post(b"1", b"2")
    await settle()
    kafka.acknowledge()
    assert await request == {0: UNKNOWN_OFFSET}


async def test_partitions_do_not_wait_for_each_other() -> None:
    kafka = FakeKafka()
    requests = Requests(kafka)
    stuck, quick = requests.post(b"1", partitions=(0,)), requests.post(b"2", partitions=(1,))
    await settle()
    kafka.acknowledge(1)
    await quick
    assert not stuck.done()
    requests.lanes.fail("the test ends")
    with pytest.raises(UnacknowledgedError):
        await stuck


async def test_under_load_the_next_departure_lingers_and_takes_along_what_comes_meanwhile() -> None:
    kafka = FakeKafka()
    requests = Requests(kafka, linger_s=60)
    shared = [requests.post(b"1") for _ in range(16)]
    await settle()
    assert len(kafka.sent) == 1  # the first of them has not waited
    kafka.acknowledge()
    await asyncio.gather(*shared)
    late = requests.post(b"2")
    await settle()
    assert len(kafka.sent) == 1
    requests.lanes.fail("the test ends")
    with pytest.raises(UnacknowledgedError):
        await late


async def test_a_request_after_a_small_departure_does_not_linger() -> None:
    kafka = FakeKafka()
    requests = Requests(kafka, linger_s=60)
    few = [requests.post(b"1") for _ in range(15)]
    await settle()
    kafka.acknowledge()
    await asyncio.gather(*few)
    late = requests.post(b"2")
    await settle()
    assert len(kafka.sent) == 2
    kafka.acknowledge()
    await late


async def test_lingering_ends() -> None:
    kafka = FakeKafka()
    requests = Requests(kafka, linger_s=0.001)
    shared = [requests.post(b"1") for _ in range(16)]
    await settle()
    kafka.acknowledge()
    await asyncio.gather(*shared)
    late = [requests.post(b"2"), requests.post(b"3")]

    async def sent() -> bool:
        return len(kafka.sent) == 2

    await wait_until_async(sent, 5, "the lingering departure")
    assert kafka.sent[1] == (0, [b"2", b"3"])
    kafka.acknowledge()
    await asyncio.gather(*late)


async def test_a_request_given_up_in_the_queue_is_never_published() -> None:
    kafka = FakeKafka()
    requests = Requests(kafka)
    first = requests.post(b"1")
    await settle()
    given_up, kept = requests.post(b"2"), requests.post(b"3")
    given_up.cancel()
    kafka.acknowledge()
    await settle()
    kafka.acknowledge()
    await asyncio.gather(first, kept)
    assert [values for _, values in kafka.sent] == [[b"1"], [b"3"]]
    assert requests.budget.used_bytes == 0


async def test_a_lane_whose_whole_queue_was_given_up_sends_nothing_and_works_on() -> None:
    kafka = FakeKafka()
    requests = Requests(kafka)
    given_up = requests.post(b"1")
    given_up.cancel()
    await settle()
    assert kafka.sent == []
    later = requests.post(b"2")
    await settle()
    kafka.acknowledge()
    await later


async def test_beyond_the_bound_of_bytes_a_request_is_refused_at_once() -> None:
    requests = Requests(FakeKafka())
    waiting = requests.post(b"x" * (ROOM - 50))
    with pytest.raises(OverloadedError, match="nothing of this request was published"):
        requests.post(b"y")
    requests.lanes.fail("the test ends")
    with pytest.raises(UnacknowledgedError):
        await waiting
    assert requests.budget.used_bytes == 0


async def test_one_refused_batch_fails_every_request_of_that_producer() -> None:
    kafka = FakeKafka()
    requests = Requests(kafka)
    sent, elsewhere = requests.post(b"1"), requests.post(b"2", partitions=(1,))
    await settle()
    queued = requests.post(b"3")
    kafka.refuse(SendError("out of order"))
    for request in (sent, elsewhere, queued):
        with pytest.raises(UnacknowledgedError, match="may be stored or not"):
            await request
    assert "out of order" in requests.lanes.failed.result()
    assert requests.budget.used_bytes == 0


async def test_a_failure_that_nobody_foresaw_is_answered_too() -> None:
    kafka = FakeKafka()
    requests = Requests(kafka)
    request = requests.post(b"1")
    await settle()
    kafka.refuse(RuntimeError("a bug"))
    with pytest.raises(UnacknowledgedError, match="sending to Kafka failed"):
        await request


async def test_a_batch_that_is_not_acknowledged_in_time_fails_the_producer() -> None:
    requests = Requests(FakeKafka(), ack_timeout_s=0.01)
    request = requests.post(b"1")
    with pytest.raises(UnacknowledgedError, match=r"did not acknowledge a batch within 0\.01 s"):
        await request
    assert requests.lanes.failed.done()


async def test_finished_returns_when_everything_is_acknowledged() -> None:
    kafka = FakeKafka()
    requests = Requests(kafka)
    request = requests.post(b"1")
    await settle()
    finished = asyncio.create_task(requests.lanes.finished())
    await settle()
    assert not finished.done()
    kafka.acknowledge()
    await finished
    await request


async def test_several_users_records_of_a_request_go_on_in_the_next_batch_where_one_was_full() -> None:
    kafka = FakeKafka(max_records=2)
    requests = Requests(kafka)
    delivery = Delivery(requests.lanes.loop, 1)
    part = Part(delivery, [(b"a", [b"1"]), (b"b", [b"2", b"3", b"4"]), (b"c", [b"5"])])
    requests.budget.take(part.size_bytes)
    requests.lanes.append(0, part)
    for number in range(3):
        await settle()
        assert delivery.future.done() is False
        assert len(kafka.sent) == number + 1
        kafka.acknowledge()
    assert [values for _, values in kafka.sent] == [[b"1", b"2"], [b"3", b"4"], [b"5"]]
    assert await delivery.future == {0: 4}
    assert requests.budget.used_bytes == 0
