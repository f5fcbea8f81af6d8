"""``python -m bench.ingest_null``: a FastAPI endpoint that only reads the body and answers a constant.

Served by uvicorn on uvloop and httptools with the options of our services, but without our own protocol
(kit.joined_writes): what a FastAPI service costs before it has done anything. The answer is a ready ``Response``, which
is a fifth cheaper than a dict that FastAPI has to serialise.
"""

from typing import Final

import uvicorn
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
    config = uvicorn.Config(
        create_app(),
        http="httptools",
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    server.freeze_startup_objects()
    await server.serve(server.Server(config, idle_s=0))


if __name__ == "__main__":
    server.run(main(Settings()))
