"""Idempotency-Key: what it may be, and the ids that follow from it."""

from datetime import UTC, datetime

import pytest

from kit.problem import Problem
from producer_api.envelope import Arrival, read_strictly
from producer_api.idempotency import MAX_KEY_CHARS, ids_of, parse_key

BODY = (
    b'{"userId":"u","sessionId":"s","actions":['
    b'{"time":"2018-10-18T21:37:30Z","type":"A"},'
    b'{"time":"2018-10-18T21:37:30Z","type":"A","id":"0190163d-8694-739b-aea5-966c26f8ad91"},'
    b'{"time":"2018-10-18T21:37:30Z","type":"A"}]}'
)


def ids(key: str, body: bytes = BODY) -> list[str]:
    arrival = Arrival(datetime.now(UTC), 10, new_id=ids_of(key))
    return [event_id for records in read_strictly(body, arrival) for event_id in records.event_ids]


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ('"8e03978e"', "8e03978e"),
        (' "with space and \\"quotes\\" \\\\" ', 'with space and "quotes" \\'),
        ('a"b', 'a"b'),
        ("x" * MAX_KEY_CHARS, "x" * MAX_KEY_CHARS),
        ('"' + "x" * MAX_KEY_CHARS + '"', "x" * MAX_KEY_CHARS),
    ],
)
def test_a_key_is_taken_quoted_and_bare(header: str, key: str) -> None:
    assert parse_key(header) == key


@pytest.mark.parametrize(
    "header", ["", '""', '"', '"a', '"a";b=1', '"\\a"', "a b", "a, b", "é", "a\x01", "x" * (MAX_KEY_CHARS + 1)]
)
def test_what_is_no_key_is_refused_with_400(header: str) -> None:
    with pytest.raises(Problem) as refusal:
        parse_key(header)
    assert refusal.value.status == 400
    assert refusal.value.errors[0]["path"] == "Idempotency-Key"


def test_the_same_request_under_the_same_key_has_the_same_ids() -> None:
    first = ids("key")
    assert ids("key") == first
    assert first[1] == "0190163d-8694-739b-aea5-966c26f8ad91", "an action's own id goes first"
    assert len(set(first)) == 3


def test_other_keys_users_and_positions_make_other_ids() -> None:
    other_user = BODY.replace(b'"u"', b'"v"')
    made = [ids("key"), ids("key1"), ids("key", other_user)]
    assert len({event_id for of_one in made for event_id in (of_one[0], of_one[2])}) == 6


def test_an_id_never_changes_from_one_release_to_the_next() -> None:
    assert ids_of("key")("u", 0) == "952a3c1c-b509-5506-86f9-440bb2a39913"
