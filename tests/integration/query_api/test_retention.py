"""GET /log/retention: the cohorts are the model's, which looks at every action."""

from datetime import datetime

import pytest

from tests.integration.query_api import counted, journeys
from tests.integration.query_api.conftest import Serve
from tests.namespace import Namespace

SPRING = {"startTime": "2024-03-26T10:00:00+00:00", "endTime": "2024-04-05T10:00:00+00:00"}
AUTUMN = {"startTime": "2024-10-20T00:00:00+00:00", "endTime": "2024-11-08T00:00:00+00:00"}
REQUESTS: list[dict[str, str]] = [
    {"timeZone": "Europe/Berlin", **SPRING},
    {"start": "CLICK", "timeZone": "Europe/Berlin", **SPRING},
    {"return": "BUY", "timeZone": "America/New_York", **AUTUMN},
    {"start": "VIEW", "return": "CLICK", "timeZone": "Australia/Lord_Howe", **AUTUMN},
    {"start": "VIEW", "return": "VIEW", **AUTUMN},
    {"interval": "1w", "timeZone": "Asia/Kathmandu"},
    {"interval": "1w", "start": "BUY", "return": "é"},
    {"start": "NOBODY", **AUTUMN},
    {"userId": "u12", "timeZone": "Pacific/Apia", **AUTUMN},
    {"userId": "nobody"},
    {"userId": "nobody", **AUTUMN},
    {"interval": "1w", "start": "STAY", "endTime": "2024-12-31T23:00:00+00:00"},
]


@pytest.mark.parametrize("seed", [31, 32])
async def test_every_figure_is_the_models(namespace: Namespace, serve: Serve, seed: int) -> None:
    actions = counted.generated(800, seed)
    counted.insert_with_duplicates(namespace, actions, seed)
    async with serve() as client:
        for parameters in REQUESTS:
            response = await client.get("/log/retention", params=parameters)
            assert response.status_code == 200, response.text
            answer, expected = response.json(), journeys.retention(actions, parameters)
            for cohort in answer["cohorts"]:
                cohort["time"] = datetime.fromisoformat(cohort["time"])
            assert answer["cohorts"] == expected["cohorts"], parameters
            assert answer["total"] == expected["total"], parameters


@pytest.mark.parametrize(
    ("query", "name", "reason"),
    [
        ("interval=1h", "interval", "none of 1d, 1w"),
        ("timeZone=CESTX", "timeZone", "IANA"),
        ("type=A", "type", "start and return say"),
        ("start=", "start", "empty"),
        ("return=A&return=B", "return", "give it once"),
        ("startTime=1970-01-01T00:00:00Z&endTime=1972-06-01T00:00:00Z", "interval", "QUERY_MAX_VALUES"),
        ("startTime=1970-01-01T00:00:00Z&endTime=1980-01-01T00:00:00Z", "interval", "QUERY_MAX_POINTS"),
    ],
)
async def test_what_is_wrong_is_named(namespace: Namespace, serve: Serve, query: str, name: str, reason: str) -> None:
    async with serve() as client:
        response = await client.get(f"/log/retention?{query}")
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["path"] == name
    assert reason in error["reason"]


async def test_too_many_rows_are_refused_and_a_dry_run_shows_the_query(namespace: Namespace, serve: Serve) -> None:
    counted.insert_with_duplicates(namespace, counted.generated(200, seed=1), seed=1)
    async with serve(max_rows_to_read=10) as bounded, serve() as client:
        for query in ("start=CLICK", "startTime=2024-03-01T00:00:00Z&endTime=2024-04-30T00:00:00Z"):
            assert (await bounded.get(f"/log/retention?{query}")).json()["code"] == "too-many-rows"
            dry = (await client.get(f"/log/retention?{query}&dryRun=true")).json()
            assert dry["estimate"]["rows"] > 10
            assert "FROM actions FINAL" in dry["sql"]
