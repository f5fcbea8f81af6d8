"""The ClickHouse client, from settings."""

from urllib.parse import urlsplit

from clickhouse_connect.driver import create_async_client
from clickhouse_connect.driver.asyncclient import AsyncClient

from kit.settings import ClickHouseSettings


async def connect(settings: ClickHouseSettings, *, answer_timeout_s: float) -> AsyncClient:
    """A client whose every request is bounded by ``answer_timeout_s`` seconds between two bytes of an answer.

    Asks the server for its version, so it raises ClickHouseError when the server is away or refuses the user.
    """
    url = urlsplit(settings.clickhouse_url)
    return await create_async_client(
        interface=url.scheme,
        host=url.hostname,
        port=url.port or (8443 if url.scheme == "https" else 8123),
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
