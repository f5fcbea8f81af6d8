"""DELETE /log?userId=…: erase a user's actions. GET /log/erasures/{receipt}: how far it has come."""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from kit.problem import Problem, unavailable
from query_api.access.access import Access
from query_api.erasing.erasure import Erasure, State
from query_api.erasing.erasures import Erasures
from query_api.errors import LogUnavailable, StoreError
from query_api.filtering.query_string import QueryString
from query_api.routes import erasures_openapi

PATH: Final = "/log"
RECEIPT_PATH: Final = "/log/erasures/{receipt}"
_FIRST_STEP_S: Final = 5.0  # the answer waits so long for the first DELETE; the erasing goes on in any case
_RETRY_AFTER_S: Final = 2


class Progress(msgspec.Struct, rename="camel", frozen=True):
    """The body of both answers; moments are RFC 3339, null while not reached or not known.

    rows            actions and dead letters hidden so far
    rows_on_disk    of them, still in parts of ClickHouse's tables; null: not counted
    waits_for       records that the sink has yet to pass before it is settled; null: Kafka did not tell
    kafka_until     by when Kafka has dropped its copies; null: it keeps them for ever
    """

    receipt: str
    state: State
    requested_at: datetime | None
    hidden_at: datetime | None
    settled_at: datetime | None
    removed_at: datetime | None
    rows: int
    rows_on_disk: int | None
    waits_for: int | None
    kafka_until: datetime | None


def router(access: Access, erasures: Erasures | None) -> APIRouter:
    """``erasures``: None when no user that erases is configured."""
    routes = APIRouter()

    async def erase(request: Request) -> Response:
        requested_by = access.admin(request)
        user_id = _read_user(request.scope["query_string"])
        switched_on = _switched_on(erasures)
        try:
            erasure = await switched_on.register(user_id, requested_by)
        except LogUnavailable as error:
            raise _log_away(error) from error
        erasure = await _first_step(switched_on, erasure)
        body = _progress(erasure, None, await switched_on.waits_for(erasure))
        return _answer(body, 202, {"Location": f"{PATH}/erasures/{erasure.id}"})

    async def progress(request: Request, receipt: str) -> Response:
        access.admin(request)
        switched_on = _switched_on(erasures)
        erasure = await switched_on.read(_parsed(receipt))
        if erasure is None:
            raise _unknown()
        left, waits_for = await switched_on.left(erasure), await switched_on.waits_for(erasure)
        return _answer(_progress(erasure, left, waits_for), 200, {})

    routes.add_api_route(PATH, erase, methods=["DELETE"], **erasures_openapi.erase())
    routes.add_api_route(RECEIPT_PATH, progress, methods=["GET"], **erasures_openapi.progress())
    return routes


def _read_user(query_string: bytes) -> str:
    query = QueryString(query_string, ("userId",), after=None)
    user_id = query.read("userId", str)
    if user_id is None and not query.errors:
        query.refuse("userId", "missing: whose actions are to be erased")
    query.raise_errors()
    assert user_id is not None  # noqa: S101 - else it was refused
    return user_id


async def _first_step(erasures: Erasures, erasure: Erasure) -> Erasure:
    """What is stored is hidden before the answer where that is quick; else the worker does it."""
    step = asyncio.create_task(erasures.advance(erasure))
    step.add_done_callback(_retrieve)
    try:
        return await asyncio.wait_for(asyncio.shield(step), _FIRST_STEP_S)
    except (StoreError, LogUnavailable, TimeoutError):
        return erasure


def _retrieve(step: "asyncio.Task[Erasure]") -> None:
    """Its error is the worker's to meet again."""
    if not step.cancelled():
        step.exception()


def _switched_on(erasures: Erasures | None) -> Erasures:
    if erasures is None:
        raise Problem(
            503, "erasing-not-set-up", "Erasing is switched off: set QUERY_ERASER_PASSWORD (docs/erasure.md)."
        )
    return erasures


def _log_away(error: LogUnavailable) -> Problem:
    detail = f"{error}. Without the ends of the topic's partitions an erasure cannot be written down; nothing was done."
    return unavailable("log-unavailable", detail, retry_after_s=_RETRY_AFTER_S)


def _parsed(receipt: str) -> uuid.UUID:
    try:
        parsed = uuid.UUID(receipt)
    except ValueError as error:
        raise _unknown() from error
    if str(parsed) != receipt:
        raise _unknown()
    return parsed


def _unknown() -> Problem:
    return Problem(404, "erasure-unknown", "No erasure has this receipt.")


def _progress(erasure: Erasure, left: int | None, waits_for: int | None) -> Progress:
    reached = {state: _moment(erasure.at_ms.get(state)) for state in State}
    return Progress(
        str(erasure.id),
        erasure.state,
        reached[State.REQUESTED],
        reached[State.HIDDEN],
        reached[State.SETTLED],
        reached[State.REMOVED],
        erasure.rows,
        left,
        waits_for,
        _moment(erasure.kafka_until_ms),
    )


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def _answer(progress: Progress, status: int, headers: dict[str, Any]) -> Response:
    body = msgspec.json.encode(progress)
    return Response(body, status, {"Cache-Control": "no-store", **headers}, "application/json")
