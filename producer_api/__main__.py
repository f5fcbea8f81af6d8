"""``python -m producer_api``: serve until SIGTERM."""

from kit import logging, server
from producer_api.app import create_app
from producer_api.settings import Settings


async def main(settings: Settings) -> None:
    app = create_app(settings)
    listening = server.build(app, settings)
    server.freeze_startup_objects()
    await server.serve(listening, on_stop=app.stop_soon)


if __name__ == "__main__":
    configured = Settings()
    logging.configure(configured, "producer-api")
    server.run(main(configured))
