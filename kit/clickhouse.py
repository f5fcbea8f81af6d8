"""The ClickHouse client, from settings."""

import asyncio
from urllib.parse import urlsplit

from clickhouse_connect.driver import create_async_client
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from kit.settings import ClickHouseSettings


async def connect(settings: ClickHouseSettings, *, answer_timeout_s: float, url: str | None = None) -> AsyncClient:
    """A client whose every request is bounded by ``answer_timeout_s`` seconds between two bytes of an answer.

    ``url`` is a shard's, else the settings' own.

    Asks the server for its version, so it raises ClickHouseError when the server is away or refuses the user.
    """
    try:
        return await _connect(settings, answer_timeout_s, url or settings.clickhouse_url)
    except ClickHouseError:
        task = asyncio.current_task()
        if task and task.cancelling():
            # The client closes its session before it raises, and keeps to itself that it was cancelled meanwhile:
            # whoever tries again for ever would never end.
            raise asyncio.CancelledError from None
        raise


async def _connect(settings: ClickHouseSettings, answer_timeout_s: float, url: str) -> AsyncClient:
    address = urlsplit(url)
    return await create_async_client(
        interface=address.scheme,
        host=address.hostname,
        port=address.port or (8443 if address.scheme == "https" else 8123),
        username=settings.clickhouse_user,
        password=settings.clickhouse_password.get_secret_value(),
        database=settings.clickhouse_database,
        ca_cert=str(settings.clickhouse_ca_file) if settings.clickhouse_ca_file else None,
        connect_timeout=settings.clickhouse_connect_timeout_s,
        send_receive_timeout=answer_timeout_s,
        query_retries=0,  # whether to try again is each caller's own decision
        compress=False,
        autogenerate_session_id=False,
        show_clickhouse_errors=True,
    )
