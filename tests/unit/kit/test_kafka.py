"""Errors that aiokafka does not expect of its own client become those that it repeats after."""

from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError, RequestTimedOutError

from kit.kafka import mend_timeouts


class Client:
    """Answers every request with its error."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def send(self, *arguments: Any, **options: Any) -> tuple[Any, ...]:
        if self._error is not None:
            raise self._error
        return arguments, options


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (KeyError(7), RequestTimedOutError),
        (RuntimeError("the handler is closed"), KafkaConnectionError),
        (KafkaConnectionError("away"), KafkaConnectionError),
    ],
)
async def test_what_a_cut_connection_raises_is_an_error_that_is_repeated_after(
    raised: Exception, expected: type[KafkaError]
) -> None:
    client = Client(raised)
    mend_timeouts(client)
    with pytest.raises(expected):
        await client.send(1, "request")


async def test_an_answer_passes_unchanged() -> None:
    client = Client(None)
    mend_timeouts(client)
    assert await client.send(1, group=2) == ((1,), {"group": 2})
