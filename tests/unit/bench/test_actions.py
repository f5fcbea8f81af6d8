"""What the benchmarks send is what the service accepts."""

import random
from datetime import UTC, datetime

from bench import actions
from bench.client import Address
from contract.record import decode
from producer_api.envelope import Arrival
from producer_api.second_reading import read

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HERE = Address("127.0.0.1", 8000)


def test_every_action_of_a_body_is_valid_and_belongs_to_its_user() -> None:
    body = actions.envelope('someone "else"', actions.actions(100, NOW, random.Random(1)))
    reading = read(body, Arrival(NOW, max_actions=1_000))
    assert not reading.errors
    assert {record.user_id for record in reading.records} == {'someone "else"'}
    sent = [decode(record.value) for record in reading.records]
    assert {record.type for record in sent} == {"CLICK", "VIEW", "NAVIGATE"}
    assert len({record.time for record in sent}) == 100


def test_a_post_declares_the_length_of_its_body() -> None:
    head, _, body = actions.post(HERE, b'{"x": 1}').partition(b"\r\n\r\n")
    assert head.startswith(b"POST /log HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n")
    assert head.endswith(b"Content-Length: 8")
    assert body == b'{"x": 1}'


def test_a_user_id_is_quoted_in_a_get() -> None:
    assert actions.get(HERE, "a b&c").startswith(b"GET /log?userId=a%20b%26c HTTP/1.1\r\n")
