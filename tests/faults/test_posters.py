"""The posters' comparison can fail: each kind of disagreement between answers and topic is found."""

from collections import Counter

import pytest

from contract.receipt import Receipt
from tests.faults.books import Held
from tests.faults.posters import Posters, Request

pytestmark = pytest.mark.ci


def _posters(*requests: Request) -> Posters:
    posters = Posters("http://127.0.0.1:1", 1, 1.0)
    posters.requests.extend(requests)
    return posters


def _held(*rows: tuple[int, int, str]) -> Held:
    return Held(Counter(rows))


def test_answers_that_the_topic_bears_out_are_no_problem() -> None:
    acknowledged = Request(["a", "b"], ["kafka-unavailable", "ok"], Receipt({0: 1}).encode())
    doubled = Request(["c"], ["unacknowledged", "ok"], Receipt({0: 3}).encode())
    open_ended = Request(["d"], ["unacknowledged"])
    held = _held((0, 0, "a"), (0, 1, "b"), (0, 2, "c"), (0, 3, "c"))
    assert _posters(acknowledged, doubled, open_ended).problems(held) == []


@pytest.mark.parametrize(
    ("request_sent", "rows", "words"),
    [
        (Request(["a"], ["ok"]), [], "not in the topic"),
        (Request(["a"], ["ok"]), [(0, 0, "a"), (0, 1, "x")], "never sent"),
        (Request(["a"], ["kafka-unavailable", "ok"]), [(0, 0, "a"), (0, 1, "a")], "doubled"),
        (Request(["a"], ["ok"], Receipt({0: 1}).encode()), [(0, 0, "a")], "another offset"),
    ],
)
def test_each_disagreement_is_told(request_sent: Request, rows: list[tuple[int, int, str]], words: str) -> None:
    [problem] = _posters(request_sent).problems(_held(*rows))
    assert words in problem
