"""Requests on their way: what has been sent, what a server has begun, and whether somebody still waits for the answer.

A request outlives its sender. When the sender dies, is fenced or gives up waiting, the request may still arrive, now or
after anything else has happened.
"""

import asyncio
from collections.abc import Generator
from enum import Enum
from typing import Any, TypeVar

from tests.unit.consumer.model.loop import VirtualLoop

_T = TypeVar("_T")

# What a server does for a request, a pause wherever it can be killed or overtaken.
Program = Generator[None, None, _T]


TO_THE_END = 99  # more steps than any request has


class Kind(Enum):
    """The requests that a fault can be aimed at."""

    INSERT = "insert"
    KILL = "kill"
    PRESENCE = "presence"
    COMMIT = "commit"
    LEAVE = "leave"
    POSITIONS = "positions"
    LOG = "log"  # bounds of a log, or who coordinates the group
    OPEN = "open"


class Request:
    """One request and, while ``waiting``, the future of its answer."""

    def __init__(self, kind: Kind, owner: str, program: Program[Any], answer: asyncio.Future[Any]) -> None:
        self.kind = kind
        self.owner = owner
        self.steps = 0
        self.ended = False
        self._program = program
        self._answer = answer
        self._outcome: Any = None
        self._error: Exception | None = None

    @property
    def waiting(self) -> bool:
        """Whether its sender still waits for the answer."""
        return not self._answer.done()

    @property
    def begun(self) -> bool:
        """It has arrived."""
        return self.steps > 0

    def step(self) -> None:
        """Let the server go on until its next pause or its end; the answer stays on its way."""
        self.steps += 1
        try:
            next(self._program)
        except StopIteration as stop:
            self._outcome, self.ended = stop.value, True
        except Exception as error:  # noqa: BLE001 - whatever the server answers
            self._error, self.ended = error, True

    def run(self) -> None:
        while not self.ended:
            self.step()

    def answer(self) -> None:
        """Deliver what the server answered."""
        if self._error is not None:
            self.fail(self._error)
        elif self.waiting:
            self._answer.set_result(self._outcome)

    def fail(self, error: Exception) -> None:
        """The sender is told of an error, or gives up waiting; the request itself goes on."""
        if self.waiting:
            self._answer.set_exception(error)

    def drop(self) -> None:
        """The server, or the network, does nothing more for it."""
        self._program.close()
        self.ended = True


class Network:
    """All requests that have not ended, oldest first.

    A process's commits share a connection, and so arrive in the order they were sent, unless ``reordering``.
    """

    def __init__(self, *, reordering: bool) -> None:
        self._requests: list[Request] = []
        self._reordering = reordering

    def send(self, request: Request) -> None:
        self._requests.append(request)

    def get_on(self, request: Request, steps: int) -> None:
        """So many steps of a request; one that gets to its end is answered, if somebody waits."""
        if steps and request.kind is Kind.COMMIT and not self._reordering:
            for earlier in self.of({request.owner}):
                if earlier is request:
                    break
                if earlier.kind is Kind.COMMIT:
                    earlier.run()
        for _ in range(steps):
            if not request.ended:
                request.step()
        if request.ended:
            request.answer()

    def pending(self, owner: str) -> list[Request]:
        """Those whose answer this process waits for."""
        return [request for request in self._open() if request.owner == owner and request.waiting]

    def orphans(self) -> list[Request]:
        """Those that nobody waits for any more."""
        return [request for request in self._open() if not request.waiting]

    def of(self, owners: set[str]) -> list[Request]:
        return [request for request in self._open() if request.owner in owners]

    def _open(self) -> list[Request]:
        self._requests = [request for request in self._requests if not request.ended]
        return self._requests


class Link:
    """One process's way to the servers. Cut when the process dies: it can send nothing any more."""

    def __init__(self, owner: str, loop: VirtualLoop, network: Network) -> None:
        self.owner = owner
        self.cut = False
        self._loop = loop
        self._network = network

    async def ask(self, kind: Kind, program: Program[_T]) -> _T:
        """Send a request and wait for its answer; cancelling the wait does not call the request back."""
        if self.cut:
            program.close()
            raise asyncio.CancelledError
        answer: asyncio.Future[_T] = self._loop.create_future()
        self._network.send(Request(kind, self.owner, program, answer))
        return await answer
