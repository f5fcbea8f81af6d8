"""``python -m query_api``: serve until SIGTERM or SIGINT. ``python -m query_api new-key NAME``: make a read key."""

import argparse
import sys

from kit import logging, server
from kit.keys import KeysError
from query_api.access import new_key
from query_api.app import create_app
from query_api.settings import Settings


def main() -> int:
    options = _options()
    if options.task == "new-key":
        return new_key.print_new_key(options)
    settings = Settings()
    logging.configure(settings, "query_api")
    try:
        server.run(serve(settings))
    except KeysError as error:
        sys.stderr.write(f"query_api: {error}\n")
        return 1
    return 0


async def serve(settings: Settings) -> None:
    app = create_app(settings)
    serving = server.build(app, settings)
    server.freeze_startup_objects()
    await server.serve(serving, on_stop=app.state.end_streams)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m query_api", description="GET /log. Settings: environment variables, docs/configuration.md."
    )
    tasks = parser.add_subparsers(dest="task", metavar="")
    new_key.add_options(tasks.add_parser("new-key", help="make a read key, and print it with its entry for the file"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
