"""GET /pipeline: how far the sink is behind the log, and how fast both grow."""

from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from query_api.filtering.query_string import QueryString
from query_api.live.pipeline import Health, Pipeline, Snapshot
from query_api.routes import pipeline_openapi
from query_api.serving import Serving

PATH: Final = "/pipeline"


class PartitionBody(msgspec.Struct, frozen=True):
    """Of one partition of the topic: below ``committed`` everything is stored, ``end`` follows the last record."""

    partition: int
    committed: int
    end: int


class PipelineBody(msgspec.Struct, rename="camel", frozen=True):
    """The answer; what is null is unknown, or not told to a key with a scope."""

    age_seconds: float
    lag_seconds: float | None = None
    trouble: str | None = None
    stored_until: str | None = None
    lag_records: int | None = None
    accepted_per_second: float | None = None
    stored_per_second: float | None = None
    partitions: list[PartitionBody] = []


def router(serving: Serving, pipeline: Pipeline) -> APIRouter:
    """The route, with what it works on. It holds no turn: ClickHouse is not asked."""
    routes = APIRouter()

    async def get_pipeline(request: Request) -> Response:
        sees_all = serving.access.sees_all(request)
        QueryString(request.scope["query_string"], (), after=None).raise_errors()
        health = await pipeline.health()
        body = _body(health) if sees_all else _narrow(health)
        return Response(msgspec.json.encode(body), headers={"Cache-Control": "no-store"}, media_type="application/json")

    routes.add_api_route(PATH, get_pipeline, methods=["GET"], **pipeline_openapi.describe())
    return routes


def _narrow(health: Health) -> PipelineBody:
    """How many records there are, and when, would tell of others' actions."""
    return PipelineBody(_rounded(health.age_s()) or 0.0, _rounded(health.lag_s), health.trouble)


def _body(health: Health) -> PipelineBody:
    snapshot = health.snapshot
    return PipelineBody(
        _rounded(health.age_s()) or 0.0,
        _rounded(health.lag_s),
        health.trouble,
        None if health.stored_until is None else f"{health.stored_until:%Y-%m-%dT%H:%M:%S.%fZ}",
        None if snapshot is None else sum(snapshot.lag(number) for number in snapshot.ends),
        _rounded(health.accepted_per_s),
        _rounded(health.stored_per_s),
        [] if snapshot is None else _partitions(snapshot),
    )


def _partitions(snapshot: Snapshot) -> list[PartitionBody]:
    return [
        PartitionBody(number, snapshot.committed.get(number, 0), end) for number, end in sorted(snapshot.ends.items())
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
