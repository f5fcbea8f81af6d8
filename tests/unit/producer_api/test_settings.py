"""Settings that contradict each other are refused at the start."""

from datetime import UTC, datetime

import pytest
from aiokafka.codec import has_zstd
from msgspec import Raw
from pydantic import ValidationError

from contract.record import ActionRecord, encode
from producer_api.fields import MAX_NAME_CHARS, MAX_PROPERTIES_BYTES, MAX_TYPE_CHARS
from producer_api.publisher import Publisher
from producer_api.settings import Settings


def test_the_environment_sets_them_by_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCER_KAFKA_TOPIC", "other")
    assert Settings().kafka_topic == "other"


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    "values",
    [
        {"request_timeout_s": 1, "kafka_request_timeout_ms": 1_000},
        {"max_body_bytes": 40 * 1024 * 1024},
        {"batch_max_bytes": 1024 * 1024},
        {"batch_max_bytes": 1024},
    ],
)
def test_bounds_that_contradict_each_other_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(values)


def test_the_largest_record_fits_the_smallest_batch() -> None:
    widest = '"' * (MAX_NAME_CHARS // 2) + "🐍" * (MAX_NAME_CHARS // 2)
    now = datetime.now(UTC)
    record = ActionRecord(
        event_id="0190163d-8694-739b-aea5-966c26f8ad91",
        user_id="🐍" * MAX_NAME_CHARS,
        session_id=widest,
        type="x" * MAX_TYPE_CHARS,
        time=now,
        utc_offset_minutes=-1439,
        received_at=now,
        properties=Raw(b'{"a":"' + b"x" * (MAX_PROPERTIES_BYTES - 8) + b'"}'),
    )
    smallest_batch_bytes = 64 * 1024
    assert len(encode(record)) + 4 * MAX_NAME_CHARS + 1024 < smallest_batch_bytes
    assert Settings(batch_max_bytes=smallest_batch_bytes).batch_max_bytes == smallest_batch_bytes


def test_zstd_without_its_package_is_refused_at_once_with_what_to_install() -> None:
    if has_zstd():
        Publisher(Settings(compression="zstd"))
    else:
        with pytest.raises(ValueError, match="cramjam"):
            Publisher(Settings(compression="zstd"))
