"""Settings that would make the service fail at all times are refused."""

import inspect

import pytest
from aiokafka import AIOKafkaConsumer
from pydantic import ValidationError

from query_api.settings import Settings


def test_a_fetch_gets_more_time_than_it_may_wait_for_records() -> None:
    waits_ms = inspect.signature(AIOKafkaConsumer).parameters["fetch_max_wait_ms"].default
    with pytest.raises(ValidationError, match="kafka_request_timeout_ms"):
        Settings.model_validate({"kafka_request_timeout_ms": waits_ms})
    assert Settings.model_validate({"kafka_request_timeout_ms": 2 * waits_ms}).kafka_request_timeout_ms == 2 * waits_ms
