"""An array of envelopes, and one envelope a line: the same rules, with paths that lead to the right place."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer_api.envelope import Arrival
from producer_api.reading import Reading
from producer_api.second_reading import read

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ACTION: dict[str, Any] = {"time": "2018-10-18T21:37:30-06:00", "type": "CLICK"}
WRONG: dict[str, Any] = {**ACTION, "time": "yesterday"}


def envelope(user_id: str, *actions: Any) -> dict[str, Any]:
    return {"userId": user_id, "sessionId": "s", "actions": list(actions)}


def read_array(*envelopes: Any, max_actions: int = 10) -> Reading:
    return read(json.dumps(envelopes).encode(), Arrival(NOW, max_actions))


def read_lines(body: bytes, max_actions: int = 10) -> Reading:
    return read(body, Arrival(NOW, max_actions, lines=True))


def lines(*envelopes: Any) -> bytes:
    return b"".join(json.dumps(envelope).encode() + b"\n" for envelope in envelopes)


def users(reading: Reading) -> list[str]:
    return [record.user_id for record in reading.records]


def test_the_envelopes_of_an_array_are_read_in_their_order() -> None:
    reading = read_array(envelope("a", ACTION, ACTION), envelope("b"), envelope("c", ACTION))
    assert (users(reading), reading.errors) == (["a", "a", "c"], ())


def test_the_envelopes_of_lines_are_read_in_their_order_and_blank_lines_are_ignored() -> None:
    body = b"\n" + lines(envelope("a", ACTION)) + b" \t\r\n" + lines(envelope("b", ACTION)).replace(b"\n", b"\r\n")
    assert users(read_lines(body)) == ["a", "b"]
    assert users(read_lines(body.strip())) == ["a", "b"], "the last line needs no end"


@pytest.mark.parametrize("reading", [read_array(), read_lines(b""), read_lines(b"\n\n")])
def test_no_envelopes_hold_no_actions(reading: Reading) -> None:
    assert reading == Reading([])


def test_an_error_in_an_array_is_named_by_envelope_and_indexed_by_the_whole_request() -> None:
    reading = read_array(envelope("a", ACTION, WRONG), envelope("b", WRONG, ACTION))
    assert [(wrong.action, wrong.path) for wrong in reading.rejected] == [
        (1, "$[0].actions[1].time"),
        (2, "$[1].actions[0].time"),
    ]
    assert users(reading) == ["a", "b"]


def test_an_error_in_lines_is_named_by_the_line_as_an_editor_counts_it() -> None:
    reading = read_lines(lines(envelope("a", ACTION)) + b"\n" + lines(envelope("b", ACTION, WRONG)))
    assert [(wrong.action, wrong.path) for wrong in reading.rejected] == [(2, "line 3: $.actions[1].time")]


def test_a_wrong_envelope_takes_its_own_actions_with_it_and_no_others() -> None:
    reading = read_array(envelope("a", ACTION), envelope("", ACTION, WRONG), 7, envelope("c", ACTION, WRONG))
    assert users(reading) == ["a", "c"]
    assert [(wrong.action, wrong.path) for wrong in reading.rejected] == [
        (1, "$[1].userId"),
        (2, "$[1].userId"),
        (None, "$[2]"),
        (4, "$[3].actions[1].time"),
    ]


def test_a_line_that_is_no_json_takes_no_other_with_it() -> None:
    two_on_a_line = lines(envelope("b", ACTION)).strip() * 2 + b"\n"
    body = lines(envelope("a", ACTION)) + b"{nonsense\n" + two_on_a_line + lines(envelope("c", ACTION))
    reading = read_lines(body)
    assert users(reading) == ["a", "c"]
    assert [wrong.path for wrong in reading.rejected] == ["line 2: $", "line 3: $"]


def test_an_envelope_over_several_lines_is_none_as_lines() -> None:
    assert not read_lines(json.dumps(envelope("a", ACTION), indent=1).encode(), max_actions=100).records


def test_an_id_is_accepted_once_in_the_whole_request() -> None:
    same = {**ACTION, "id": "0190163d-8694-739b-aea5-966c26f8ad91"}
    reading = read_array(envelope("a", same), envelope("b", same))
    assert users(reading) == ["a"]
    assert [wrong[1:3] for wrong in reading.rejected] == [("$[1].actions[0].id", "repeats the id of action 0")]


@pytest.mark.parametrize("bad", [[], [envelope("bad", WRONG)]])
def test_the_bound_on_actions_counts_the_whole_request(bad: list[Any]) -> None:
    reading = read_array(*bad, envelope("a", *[ACTION] * 6), envelope("b", *[ACTION] * 5))
    assert not reading.records
    assert [wrong.path for wrong in reading.errors] == [f"$[{1 + len(bad)}].actions"]
    assert "at most 10 actions" in reading.errors[0].reason


def test_the_number_of_envelopes_is_bounded_too() -> None:
    for reading in (read_array(*[envelope("a")] * 11), read_lines(b"{}\n" * 11)):
        assert [(wrong.path, wrong.reason) for wrong in reading.errors] == [
            ("$", "must hold at most 10 envelopes, holds 11")
        ]


_ACTIONS = st.lists(st.sampled_from([ACTION, WRONG, 7, {**ACTION, "properties": {"a": "\ud83d"}}]), max_size=3)
_ENVELOPES = st.lists(
    st.builds(envelope, st.sampled_from(["a", ""]), _ACTIONS).map(lambda e: {**e, "actions": e["actions"][0]}),
    max_size=3,
)


@given(_ENVELOPES)
def test_every_action_is_accepted_or_rejected(envelopes: list[dict[str, Any]]) -> None:
    sent = [action for one in envelopes for action in one["actions"]]
    for reading in (read_array(*envelopes), read_lines(lines(*envelopes))):
        rejected = [wrong.action for wrong in reading.rejected if wrong.action is not None]
        assert len(reading.records) + len(rejected) == len(sent)
        assert rejected == sorted(set(rejected))
