"""The composition root: settings → shards, source, service, and the operator's endpoints beside them."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette

from consumer.errors import SinkError
from consumer.service import Service
from consumer.settings import Settings
from consumer.shards import Shards
from consumer.source import Source
from consumer.status import Status
from kit import health, logging
from kit.server import build, freeze_startup_objects, on_stop_signal


async def main() -> None:
    """Run the sink until SIGTERM or SIGINT; an unexpected error ends the process with its trace."""
    settings = Settings()
    logging.configure(settings, "consumer")
    shards, source = Shards.of(settings), Source(settings)
    service = Service(settings, shards, source)
    status = Status(service, source)
    checks = {"sink": service.trouble, "kafka": _check(source.ping), **_checks_of(shards)}
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


def _checks_of(shards: Shards) -> dict[str, health.Check]:
    if len(shards) == 1:
        return {"clickhouse": _check(shards.stores[0].ping)}
    return {f"clickhouse-shard-{number}": _check(store.ping) for number, store in enumerate(shards.stores)}


def _check(ping: Callable[[], Awaitable[None]]) -> health.Check:
    async def check() -> str | None:
        try:
            await ping()
        except SinkError as error:
            return str(error)
        return None

    return check
