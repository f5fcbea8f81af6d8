"""Serving an ASGI app in this process's event loop, until a signal asks it to stop."""

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any, TypeVar

import uvicorn
import uvloop
from starlette.types import ASGIApp

from kit.draining import DrainingServer
from kit.joined_writes import HttpProtocol
from kit.settings import ServiceSettings
from kit.whole_requests import AnswersWhole, WholeRequestProtocol

_T = TypeVar("_T")


class Server(DrainingServer):
    """A uvicorn server that leaves the signals to us: after a clean stop the process exits with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def build(app: ASGIApp, settings: ServiceSettings) -> Server:
    """A server for the app; requests in flight get ``drain_timeout_s`` seconds to finish after a stop.

    An app that AnswersWhole is offered the requests that arrive whole.
    """
    return Server(
        uvicorn.Config(
            app,
            http=_protocol(app),  # type: ignore[arg-type]  # all it is asked for is to be called
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # uvicorn would believe the X-Forwarded-For of whoever connects from this machine
            interface="asgi3",  # uvicorn guesses by whether the app is a coroutine function, and is not always right
            lifespan="on",
            timeout_graceful_shutdown=max(1, round(settings.drain_timeout_s)),
        ),
        idle_s=settings.drain_idle_s,
    )


def _protocol(app: object) -> Callable[..., HttpProtocol]:
    return partial(WholeRequestProtocol, app) if isinstance(app, AnswersWhole) else HttpProtocol


async def serve(
    server: Server, *, on_stop: Callable[[], None] | None = None, listening: socket.socket | None = None
) -> None:
    """Serve until SIGTERM or SIGINT, then drain. A second signal stops at once.

    on_stop      called at the first signal, while requests are still being answered
    listening    the socket of a parent's (kit.workers), whose closing of our standard input asks us to drain as well
    """

    def drain() -> None:
        if on_stop is not None and not server.should_exit:
            on_stop()
        server.should_exit = True

    def stop() -> None:
        server.force_exit = server.should_exit
        drain()

    on_stop_signal(stop)
    if listening is not None:
        _on_end_of_input(drain)
    await server.serve([listening] if listening else None)


def _on_end_of_input(ended: Callable[[], None]) -> None:
    """Call ``ended()`` once standard input, a pipe in which nothing is written, is closed at its other end."""
    loop = asyncio.get_running_loop()

    def on_readable() -> None:
        loop.remove_reader(sys.stdin.fileno())
        ended()

    loop.add_reader(sys.stdin.fileno(), on_readable)


def on_stop_signal(stop: Callable[[], None]) -> None:
    """Call ``stop()`` in the running loop at SIGTERM and at SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a service's main coroutine on uvloop."""

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


_GC_THRESHOLD = 50_000  # objects; 700 by default, which a request of 100 actions exceeds by itself


def freeze_startup_objects() -> None:
    """Take what start-up built out of the garbage collector's sight: p99 of a FastAPI route fell from 49 to 22 ms.

    And let it look less often: requests make no cycles, and looking took 5 to 8 % of the CPU time of POST /log.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
