"""``python -m query_api``: serve until SIGTERM or SIGINT."""

from kit import logging, server
from query_api.app import create_app
from query_api.settings import Settings


async def main() -> None:
    settings = Settings()
    logging.configure(settings, "query_api")
    serving = server.build(create_app(settings), settings)
    server.freeze_startup_objects()
    await server.serve(serving)


if __name__ == "__main__":
    server.run(main())
