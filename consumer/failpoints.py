"""Failpoints: this process strikes itself at a named point of its way, for tests/faults. Unarmed, they do nothing.

CONSUMER_FAILPOINT=<name>[:<nth>[:<signal>]] sends the process the signal (KILL, or STOP: a pause of the machine) when
it reaches the point for the nth time (1). Not a setting: no operator needs it.

before-intent  a block is cut, its intent is not committed yet
after-intent   the intent is committed, nothing of the block is sent yet
mid-insert     half of a sub-block's body is sent
after-insert   a sub-block is answered with 200
after-commit   an OffsetCommit has succeeded
"""

import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

Name = Literal["before-intent", "after-intent", "mid-insert", "after-insert", "after-commit"]

VARIABLE: Final = "CONSUMER_FAILPOINT"
_DEFAULTS: Final = ("1", "KILL")


@dataclass
class _Armed:
    name: str
    left: int
    signal: signal.Signals

    def reached(self, name: str) -> bool:
        """Count one pass of the point; whether it is the one to strike at."""
        if name == self.name:
            self.left -= 1
        return name == self.name and self.left == 0

    def strike(self) -> None:
        os.kill(os.getpid(), self.signal)


_armed: _Armed | None = None


def arm(environment: Mapping[str, str]) -> None:
    """Once, at the start. Raises ValueError for what it does not know: a test that never strikes proves nothing."""
    global _armed
    text = environment.get(VARIABLE)
    if not text:
        _armed = None
        return
    name, nth, sent = (*text.split(":"), *_DEFAULTS[text.count(":") :])
    if name not in get_args(Name):
        raise ValueError(f"{VARIABLE}: no point is named {name!r}")
    _armed = _Armed(name, int(nth), signal.Signals[f"SIG{sent}"])


def reached(name: Name) -> None:
    """This point is reached."""
    if _armed is not None and _armed.reached(name):
        _armed.strike()


def in_halves(body: bytes) -> Iterator[bytes]:
    """The body as it is to be sent: whole, or in two with ``mid-insert`` between them."""
    if _armed is None:
        yield body
        return
    yield body[: len(body) // 2]
    reached("mid-insert")
    yield body[len(body) // 2 :]
