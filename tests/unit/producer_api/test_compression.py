"""Batches that are compressed by one compressor are what every client of Kafka can read."""

from collections.abc import Callable

import pytest
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producer_api.compression import BUILDERS, keep_compressor
from producer_api.kafka_producer import RecordBatch

ZSTD = 4


@pytest.fixture(autouse=True)
def compressed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of what our compressor was given."""
    monkeypatch.setattr(BUILDERS, "zstd_encode", None)  # put back afterwards
    keep_compressor()
    compress: Callable[[bytes], bytes] = BUILDERS.zstd_encode
    sizes: list[int] = []

    def counted(payload: bytes) -> bytes:
        sizes.append(len(payload))
        return compress(payload)

    monkeypatch.setattr(BUILDERS, "zstd_encode", counted)
    return sizes


def batch_of(values: list[bytes]) -> bytes:
    batch = RecordBatch(1 << 20, ZSTD)  # type: ignore[no-untyped-call]
    assert batch.add(b"key", values, 0) == len(values)
    return bytes(batch._build())  # type: ignore[no-untyped-call]


def values_in(batch: bytes) -> list[bytes]:
    records = MemoryRecords(batch)
    read = records.next_batch()
    assert read is not None
    assert read.validate_crc()
    return [record.value or b"" for record in read]


@given(st.lists(st.lists(st.binary(max_size=300), min_size=1, max_size=30), min_size=1, max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_every_batch_holds_its_own_records_and_no_others(batches: list[list[bytes]]) -> None:
    for values in batches:
        assert values_in(batch_of(values)) == values


def test_a_batch_of_like_records_is_a_tenth_as_large(compressed: list[int]) -> None:
    values = [b'{"event_id":"%06d","user_id":"u","type":"CLICK"}' % n for n in range(1_000)]
    batch = batch_of(values)
    assert len(batch) < sum(map(len, values)) / 10
    assert values_in(batch) == values
    assert len(compressed) == 1, "aiokafka has compressed it by itself"
    assert compressed[0] > sum(map(len, values))
