"""Failpoints: parsed strictly, counted, and nothing at all when unarmed. That they strike: tests/faults."""

import signal
from collections.abc import Iterator

import pytest

from consumer import failpoints


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm({})


@pytest.mark.parametrize("text", ["never", "after-intent:x", "after-intent:1:NONE", "after-intent:1:KILL:2"])
def test_what_would_never_strike_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        failpoints.arm({failpoints.VARIABLE: text})


def test_unarmed_nothing_happens_and_a_body_stays_whole() -> None:
    failpoints.arm({})
    failpoints.reached("after-intent")
    assert list(failpoints.in_halves(b"body")) == [b"body"]


def test_a_pass_of_another_point_and_an_earlier_pass_do_not_strike() -> None:
    failpoints.arm({failpoints.VARIABLE: "mid-insert:2"})
    failpoints.reached("after-insert")
    failpoints.reached("after-insert")
    assert b"".join(failpoints.in_halves(b"body")) == b"body"


def test_the_nth_pass_strikes_once() -> None:
    struck: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: struck.append(number))
    try:
        failpoints.arm({failpoints.VARIABLE: "after-commit:2:USR1"})
        counts = []
        for _ in range(3):
            failpoints.reached("after-commit")
            counts.append(len(struck))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert counts == [0, 1, 1]
