"""``python -m producer_api``: serve until SIGTERM. ``python -m producer_api new-key NAME``: make a write key."""

import argparse
import socket
import sys

import structlog

from kit import logging, server, workers
from kit.keys import KeysError
from kit.workers import PortTakenError
from producer_api.app import create_app
from producer_api.new_key import print_new_key
from producer_api.settings import Settings


def main() -> int:
    options = _options()
    if options.task == "new-key":
        return print_new_key(options.name, options.origin)
    settings = Settings() if options.workers is None else Settings(workers=options.workers)
    logging.configure(settings, "producer_api")
    try:
        if settings.workers > 1 and options.listen_fd is None:
            return server.run(workers.run("producer_api", settings))
        if options.worker is not None:
            structlog.contextvars.bind_contextvars(worker=options.worker)
        server.run(serve(settings, options.listen_fd))
    except (KeysError, PortTakenError) as error:
        sys.stderr.write(f"producer_api: {error}\n")
        return 1
    return 0


async def serve(settings: Settings, listen_fd: int | None) -> None:
    app = create_app(settings)
    listening = server.build(app, settings)
    server.freeze_startup_objects()
    inherited = None if listen_fd is None else socket.socket(fileno=listen_fd)
    await server.serve(listening, on_stop=app.stop_soon, listening=inherited)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m producer_api", description="POST /log. Settings: environment variables, docs/configuration.md."
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes that share the port (PRODUCER_WORKERS)")
    parser.add_argument("--listen-fd", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    tasks = parser.add_subparsers(dest="task", metavar="")
    new_key = tasks.add_parser("new-key", help="make a write key, and print it with its entry for the file of keys")
    new_key.add_argument("name", help="for logs and metrics: letters, digits, '_', '.', '-'")
    new_key.add_argument(
        "--origin",
        action="append",
        default=[],
        help="scheme://host[:port] of pages that may use it from a browser, or '*'; may be repeated",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
