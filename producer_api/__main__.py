"""``python -m producer_api``: serve until SIGTERM."""

from kit import logging, server
from producer_api.app import create_app
from producer_api.settings import Settings


async def main(settings: Settings) -> None:
    app = create_app(settings)
    await server.serve(server.build(app, settings), on_stop=app.stop_soon)


if __name__ == "__main__":
    configured = Settings()
    logging.configure(configured, "producer-api")
    server.run(main(configured))
