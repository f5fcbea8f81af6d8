"""The ClickHouse client's making, where nothing listens."""

import asyncio

import aiohttp
import pytest

from kit.clickhouse import connect
from kit.settings import ClickHouseSettings
from tests.ports import free_ports


async def test_who_is_cancelled_while_the_client_gives_up_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    closing = asyncio.Event()

    async def close(_: aiohttp.ClientSession) -> None:
        closing.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(aiohttp.ClientSession, "close", close)
    settings = ClickHouseSettings(clickhouse_url=f"http://127.0.0.1:{free_ports(1)[0]}")
    connecting = asyncio.create_task(connect(settings, answer_timeout_s=10))
    await closing.wait()
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
