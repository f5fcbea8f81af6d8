"""GET /log/funnel: the steps, conversions, medians and intervals are the model's, which tries every attempt."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.query_api import counted, journeys
from tests.integration.query_api.actions import Stored, insert
from tests.integration.query_api.conftest import Serve
from tests.namespace import Namespace

AUTUMN = {"startTime": "2024-10-20T00:00:00+00:00", "endTime": "2024-11-08T00:00:00+00:00"}
REQUESTS: list[dict[str, str]] = [
    {"step": "CLICK,VIEW", "within": "1h"},
    {"step": "CLICK,VIEW,BUY", "within": "1d"},
    {"step": "BUY,VIEW,CLICK,STAY", "within": "7d", "by": "sessionId"},
    {"step": "VIEW,BUY,é", "within": "3d", "by": "userId", **AUTUMN},
    {"step": "VIEW,CLICK,BUY", "within": "12h", "interval": "1d", "timeZone": "Europe/Berlin", **AUTUMN},
    {"step": "CLICK,VIEW,BUY,click", "within": "1w", "interval": "1w", "timeZone": "Asia/Kathmandu"},
    {"step": "CLICK,VIEW", "within": "90m", "interval": "6h", "by": "sessionId", "timeZone": "America/New_York"}
    | AUTUMN,
    {"step": "CLICK,VIEW", "within": "1s", "userId": "u12"},
    {"step": "CLICK,VIEW", "within": "1d", "userId": "nobody", "interval": "1d"},
    {"step": "CLICK,VIEW", "within": "1d", "userId": "nobody", "interval": "1d", **AUTUMN},
    {"step": "NOBODY,VIEW,CLICK", "within": "1d"},
    {"step": "CLICK,VIEW,BUY,é,click,STAY,GO,NEVER", "within": "365d"},
]


async def asked(client: httpx.AsyncClient, parameters: dict[str, str]) -> dict[str, Any]:
    response = await client.get("/log/funnel", params=parameters)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize("seed", [21, 22])
async def test_every_figure_is_the_models(namespace: Namespace, serve: Serve, seed: int) -> None:
    actions = counted.generated(800, seed)
    counted.insert_with_duplicates(namespace, actions, seed)
    async with serve() as client:
        for parameters in REQUESTS:
            answer, expected = await asked(client, parameters), journeys.funnel(actions, parameters)
            assert counted.close(answer["steps"]) == counted.close(expected["steps"]), parameters
            times = [datetime.fromisoformat(text) for text in answer.get("times", ())]
            assert times == expected.get("times", []), parameters


def at(seconds: Sequence[tuple[str, float]]) -> list[Stored]:
    """One user's actions: type and seconds after noon."""
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    return [Stored(uuid.uuid4(), "u", kind, noon + timedelta(seconds=after)) for kind, after in seconds]


@pytest.mark.parametrize(
    ("events", "reached", "medians"),
    [
        ([("A", 0), ("B", 10), ("C", 20)], [1, 1, 1], [None, 10, 20]),
        ([("A", 0), ("B", 0), ("C", 0)], [1, 1, 1], [None, 0, 0]),  # one time: as if in the order of the steps
        ([("B", 0), ("A", 10), ("C", 20)], [1, 0, 0], [None, None, None]),
        ([("A", 0), ("B", 60)], [1, 1, 0], [None, 60, None]),  # within 60 s, to the last microsecond
        ([("A", 0), ("B", 60.000001)], [1, 0, 0], [None, None, None]),
        (
            [("A", 0), ("A", 30), ("B", 40), ("C", 80)],
            [1, 1, 1],
            [None, 10, 50],
        ),  # counted from the latest that leads there
        ([("A", 0), ("B", 10), ("A", 20), ("C", 30)], [1, 1, 1], [None, 10, 30]),  # the second A has no B after it
        ([("A", 0), ("B", 10), ("A", 100), ("B", 101), ("C", 102)], [1, 1, 1], [None, 1, 2]),
        ([("A", 0), ("B", 5), ("A", 100), ("B", 101)], [1, 1, 0], [None, 5, None]),  # of two alike, the earlier
        ([("A", 0), ("A", 0.000001), ("B", 0.000001)], [1, 1, 0], [None, 0, None]),
    ],
)
async def test_an_attempt(
    namespace: Namespace,
    serve: Serve,
    events: list[tuple[str, float]],
    reached: list[int],
    medians: list[float | None],
) -> None:
    insert(namespace, at(events))
    async with serve() as client:
        steps = (await asked(client, {"step": "A,B,C", "within": "60s"}))["steps"]
    assert [step["reached"] for step in steps] == reached
    assert [step["medianSeconds"] for step in steps] == medians


async def test_steps_may_be_repeated_parameters_and_the_default_is_a_day(namespace: Namespace, serve: Serve) -> None:
    insert(namespace, at([("A", 0), ("B", 86_400)]))
    async with serve() as client:
        response = await client.get("/log/funnel?step=A&step=B")
    assert [step["reached"] for step in response.json()["steps"]] == [1, 1]
    assert response.json()["within"] == "1d"


@pytest.mark.parametrize(
    ("query", "name", "reason"),
    [
        ("", "step", "0 steps; give 2 to 10"),
        ("step=A", "step", "1 steps; give 2 to 10"),
        ("step=A,B,C,D,E,F,G,H,I,J,K", "step", "11 steps"),
        ("step=A,,B", "step", "empty"),
        ("step=A&step=A", "step", "twice"),
        ("step=A,B&within=1y", "within", "such as 30m"),
        ("step=A,B&within=99999d", "within", "up to 3650d"),
        ("step=A,B&within=0s", "within", "such as 30m"),
        ("step=A,B&by=type", "by", "none of userId, sessionId"),
        ("step=A,B&type=A", "type", "the steps say"),
        ("step=A,B&type[ne]=A", "type[ne]", "the steps say"),
        ("step=A,B&interval=1y", "interval", "none of auto"),
    ],
)
async def test_what_is_wrong_is_named(serve: Serve, query: str, name: str, reason: str) -> None:
    async with serve() as client:
        response = await client.get(f"/log/funnel?{query}")
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["path"] == name
    assert reason in error["reason"]


async def test_too_many_rows_are_refused_and_a_dry_run_shows_the_query(namespace: Namespace, serve: Serve) -> None:
    insert(namespace, counted.generated(200, seed=1))
    async with serve(max_rows_to_read=10) as bounded, serve() as client:
        for query in ("step=CLICK,VIEW", "step=CLICK,VIEW&interval=1d"):
            assert (await bounded.get(f"/log/funnel?{query}")).json()["code"] == "too-many-rows"
            dry = (await client.get(f"/log/funnel?{query}&dryRun=true")).json()
            assert dry["estimate"]["rows"] >= 200
            assert "CLICK" in dry["parameters"].values()
