"""``python -m bench.ingest_null``: a FastAPI endpoint that only reads the body, served exactly as the producer API is.

It answers a constant: what any FastAPI service costs before it has done anything.
"""

from typing import Final

from fastapi import FastAPI, Request, Response

from kit import health, server
from producer_api.settings import Settings

_ANSWER: Final = b'{"accepted":3}'


def create_app() -> FastAPI:
    app = FastAPI()
    app.router.routes.extend(health.routes({}))

    @app.post("/log")
    async def log(request: Request) -> Response:
        await request.body()
        return Response(_ANSWER, media_type="application/json")

    return app


async def main(settings: Settings) -> None:
    listening = server.build(create_app(), settings)
    server.freeze_startup_objects()
    await server.serve(listening)


if __name__ == "__main__":
    server.run(main(Settings()))
