"""The operator's endpoints: is the process alive, is it ready, what does it measure."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

# Answers None when all is well, else a sentence for the operator: what is wrong and what to do.
Check = Callable[[], Awaitable[str | None]]

# prometheus_client's own variable: the folder in which the workers of one service keep their numbers.
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_CHECK_TIMEOUT_S = 2.0  # below the usual probe timeouts, so that a probe sees the reason


def routes(checks: Mapping[str, Check]) -> list[Route]:
    """``/livez`` asks nothing but the process itself; ``/readyz`` runs the checks; ``/metrics`` is Prometheus text."""

    async def livez(_: Request) -> Response:
        return Response(b'{"status":"alive"}', media_type="application/json")

    async def readyz(_: Request) -> Response:
        names = list(checks)
        answers = await asyncio.gather(*(_run(checks[name]) for name in names))
        failed = {name: answer for name, answer in zip(names, answers, strict=True) if answer is not None}
        body = {"status": "unready" if failed else "ready", "checks": {name: failed.get(name, "ok") for name in names}}
        return Response(msgspec.json.encode(body), 503 if failed else 200, media_type="application/json")

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(_registry()), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]


async def _run(check: Check) -> str | None:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            return await check()
    except TimeoutError:
        return f"no answer within {_CHECK_TIMEOUT_S:g} s"


def _registry() -> CollectorRegistry:
    """This process's metrics; where workers share a port, those of all of them, whichever was asked."""
    if METRICS_FOLDER not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
