"""The composition root: settings → store, source, service, and the operator's endpoints beside them."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette

from consumer.errors import SinkError
from consumer.service import Service
from consumer.settings import Settings
from consumer.source import Source
from consumer.status import Status
from consumer.store import Store
from kit import health, logging
from kit.server import build, freeze_startup_objects, on_stop_signal


async def main() -> None:
    """Run the sink until SIGTERM or SIGINT; an unexpected error ends the process with its trace."""
    settings = Settings()
    logging.configure(settings, "consumer")
    store, source = Store(settings), Source(settings)
    service = Service(settings, store, source)
    status = Status(service, source)
    checks = {"sink": service.trouble, "kafka": _check(source.ping), "clickhouse": _check(store.ping)}
    server = build(Starlette(routes=[*health.routes(checks), status.route()]), settings)
    on_stop_signal(service.stop)
    freeze_startup_objects()
    serving = asyncio.create_task(server.serve())
    watching = asyncio.create_task(status.run())
    try:
        await service.run()
    finally:
        watching.cancel()
        server.should_exit = True
        await serving


def _check(ping: Callable[[], Awaitable[None]]) -> health.Check:
    async def check() -> str | None:
        try:
            await ping()
        except SinkError as error:
            return str(error)
        return None

    return check
