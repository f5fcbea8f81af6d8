"""The composition root: settings → store, source, service, and the operator's endpoints beside them."""

import asyncio

from starlette.applications import Starlette

from consumer.service import Service
from consumer.settings import Settings
from consumer.source import Source
from consumer.store import Store
from kit import health, logging
from kit.server import build, freeze_startup_objects, on_stop_signal


async def main() -> None:
    """Run the sink until SIGTERM or SIGINT; an unexpected error ends the process with its trace."""
    settings = Settings()
    logging.configure(settings, "consumer")
    service = Service(settings, Store(settings), Source(settings))
    server = build(Starlette(routes=health.routes({"sink": service.trouble})), settings)

    def stop() -> None:
        service.stop()

    on_stop_signal(stop)
    freeze_startup_objects()
    serving = asyncio.create_task(server.serve())
    try:
        await service.run()
    finally:
        server.should_exit = True
        await serving
