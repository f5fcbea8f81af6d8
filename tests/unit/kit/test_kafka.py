"""Errors that aiokafka does not expect of its own client become those that it repeats after."""

import asyncio
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import KafkaConnectionError, KafkaError, RequestTimedOutError

from kit.kafka import mend_timeouts


class Client:
    """Answers every request with its error."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def _metadata_update(self, *_: Any) -> bool:
        return True

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


class Cut:
    """A connection that raises this error whatever is sent."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def send(self, _: object) -> None:
        raise self._error

    async def close(self, **_: object) -> None:
        """It is closed."""


@pytest.mark.parametrize("raised", [KeyError(7), RuntimeError("the handler is closed")])
async def test_a_cut_connection_does_not_end_the_task_of_the_metadata(raised: Exception) -> None:
    client: Any = AIOKafkaClient(bootstrap_servers="127.0.0.1:1")
    mend_timeouts(client)
    cut = Cut(raised)

    async def get_cut(*_: object, **__: object) -> Cut:
        return cut

    client._conns["bootstrap", ConnectionGroup.DEFAULT] = cut
    client._get_conn = get_cut
    client._sync_task = asyncio.create_task(client._md_synchronizer())
    try:
        async with asyncio.timeout(30):
            assert [await client.force_metadata_update() for _ in range(3)] == [False] * 3
        assert not client._sync_task.done()
    finally:
        await client.close()
