"""GET /log/counts: every figure is the model's, whatever was stored twice, and every bound is kept."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.integration.query_api import counted
from tests.integration.query_api.actions import Stored, insert
from tests.integration.query_api.conftest import Serve
from tests.namespace import Namespace

COUNT = 900
MEASURES = "count,uniqueUsers,uniqueSessions,p50,p90,p95,p99,avg,sum,min,max"
YEARS_END = {"startTime": "2024-12-29T00:00:00+00:00", "endTime": "2025-01-05T12:30:00+00:00"}
SPRING = {"startTime": "2024-03-28T10:00:00+00:00", "endTime": "2024-04-03T10:00:00+00:00"}
AUTUMN = {"startTime": "2024-10-24T00:00:00+00:00", "endTime": "2024-11-06T00:00:00+00:00"}
REQUESTS: list[dict[str, str]] = [
    {},
    {"measure": MEASURES, "of": "properties.amount"},
    {"measure": "sum,avg,max,count", "of": "properties.cart.amount", "groupBy": "userId", "limit": "3"},
    {"groupBy": "type"},
    {"groupBy": "type", "limit": "2"},
    {"groupBy": "type", "limit": "3", "measure": "count,sum,avg,min,max", "of": "properties.amount", **AUTUMN}
    | {"interval": "1d", "timeZone": "Europe/Berlin"},
    {"groupBy": "type", "limit": "2", "measure": "max,count", "of": "properties.amount", "userId": "u12"},
    {"groupBy": "type", "limit": "2", "measure": "uniqueUsers,p90", "of": "properties.amount"},
    {"groupBy": "properties.page", "limit": "5"},
    {"groupBy": "properties.page", "limit": "1000"},
    {"groupBy": "properties.page,type", "limit": "7", "measure": "uniqueSessions,count"},
    {"groupBy": "properties.a\\.b"},
    {"groupBy": "properties.nothing", "measure": "p50", "of": "properties.nothing.either"},
    {"groupBy": "userId,sessionId,properties.cart", "limit": "20", "measure": "count,avg", "of": "properties.amount"},
    {"groupBy": "userId", "limit": "4", "measure": "min,uniqueSessions", "of": "properties.amount"},
    {"groupBy": "sessionId,type", "limit": "5", "measure": "max,count", "of": "properties.amount"},
    {"interval": "1d", "timeZone": "Europe/Berlin", **SPRING},
    {"interval": "1h", "timeZone": "Europe/Berlin", "groupBy": "type", "limit": "3", **SPRING},
    {"interval": "1h", "timeZone": "Australia/Lord_Howe", "groupBy": "userId", "limit": "2", **AUTUMN},
    {"interval": "1d", "timeZone": "America/New_York", "measure": "count,uniqueUsers", "groupBy": "userId", **AUTUMN},
    {"interval": "1w", "timeZone": "Asia/Kathmandu", "measure": MEASURES, "of": "properties.amount"},
    {"interval": "1w", "groupBy": "properties.page", "limit": "4", **YEARS_END},
    {"interval": "1d", "measure": "uniqueUsers", "groupBy": "type", "limit": "2", **YEARS_END},
    {"interval": "1d", "type": "VIEW", "endTime": "2025-01-01T00:00:00+00:00"},
    {"interval": "1d", "userId": "u1", "startTime": "2024-12-01T00:00:00+00:00", "properties.amount[gte]": "1"},
    {"interval": "15m", "groupBy": "type", "userId": "nobody", **YEARS_END},
    {"interval": "1d", "groupBy": "type", "userId": "nobody"},
    {"interval": "1d", "userId": "nobody", "startTime": "2024-12-01T00:00:00+00:00"},
    {"groupBy": "userId", "userId": "nobody", "measure": "sum,uniqueUsers,p50,min", "of": "properties.amount"},
    {"interval": "6h", "timeZone": "Europe/Berlin", "groupBy": "sessionId,type", "measure": "count", **SPRING},
    {"interval": "5m", "startTime": "2024-12-31T20:00:00+00:00", "endTime": "2025-01-01T02:00:00+00:00"},
    {"interval": "1m", "startTime": "2024-12-31T22:50:00+00:00", "endTime": "2025-01-01T00:10:30+00:00"},
]


@pytest.fixture
def stored(namespace: Namespace) -> list[Stored]:
    actions = counted.generated(COUNT, seed=7)
    counted.insert_with_duplicates(namespace, actions, seed=8)
    return actions


async def asked(client: httpx.AsyncClient, parameters: dict[str, str]) -> dict[str, Any]:
    response = await client.get("/log/counts", params=parameters)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_every_figure_is_the_models(stored: list[Stored], serve: Serve) -> None:
    async with serve() as client:
        for parameters in REQUESTS:
            answer = await asked(client, parameters)
            expected = counted.counts(stored, parameters)
            if "times" in expected:
                assert [datetime.fromisoformat(text) for text in answer["times"]] == expected.pop("times"), parameters
            assert {name: counted.close(answer[name]) for name in expected} == counted.close(expected), parameters


async def test_distinct_users_are_exact_up_to_a_stated_number_of_rows(stored: list[Stored], serve: Serve) -> None:
    parameters = {"groupBy": "userId", "measure": "uniqueSessions,p90", "of": "properties.amount", "limit": "2"}
    rows = 2 * COUNT  # as stored, with the duplicates
    async with serve(exact_up_to_rows=2 * rows) as client:
        exact = await asked(client, parameters)
    async with serve(exact_up_to_rows=1) as client:
        approximate = await asked(client, parameters)
        assert "uniqCombined64(17)" in (await asked(client, {**parameters, "dryRun": "true"}))["sql"]
    assert exact["exact"] == {"uniqueSessions": True, "p90": True}
    assert approximate["exact"] == {"uniqueSessions": False, "p90": False}
    # So few are told apart by either.
    assert exact["total"]["uniqueSessions"] == approximate["total"]["uniqueSessions"] == 30


async def test_times_are_those_of_the_zone(stored: list[Stored], serve: Serve) -> None:
    parameters = {"interval": "1d", "timeZone": "Europe/Berlin", "startTime": "2024-10-26T22:00:00Z"}
    async with serve() as client:
        answer = await asked(client, {**parameters, "endTime": "2024-10-28T00:00:00Z"})
    assert answer["interval"] == "1d"
    assert answer["timeZone"] == "Europe/Berlin"
    assert answer["times"] == ["2024-10-27T00:00:00+02:00", "2024-10-28T00:00:00+01:00"]
    assert (answer["startTime"], answer["endTime"]) == ("2024-10-27T00:00:00+02:00", "2024-10-28T01:00:00+01:00")


async def test_auto_says_which_interval_it_took(stored: list[Stored], serve: Serve) -> None:
    async with serve() as client:
        for hours, interval in ((1, "1m"), (5, "5m"), (40, "15m"), (168, "1h"), (500, "6h"), (2_400, "1d")):
            end = datetime.fromtimestamp(1_700_000_000 + hours * 3_600, UTC)
            span = {"startTime": "2023-11-14T22:13:20Z", "endTime": end.isoformat()}
            answer = await asked(client, {"interval": "auto", **span})
            assert answer["interval"] == interval
            assert 30 <= len(answer["times"]) <= 200


async def test_more_types_than_one_scan_may_bring_are_counted_in_two(namespace: Namespace, serve: Serve) -> None:
    actions = [
        action for n, action in enumerate(counted.generated(1_100, seed=3)) for action in [with_type(action, f"T{n}")]
    ]
    insert(namespace, actions)
    async with serve(max_values=1_000) as client:
        answer = await asked(client, {"groupBy": "type", "limit": "2"})
    assert counted.close({name: answer[name] for name in ("groups", "other", "total")}) == counted.close(
        {
            name: counted.counts(actions, {"groupBy": "type", "limit": "2"})[name]
            for name in ("groups", "other", "total")
        }
    )


def with_type(action: Stored, name: str) -> Stored:
    return Stored(action.id, action.user, name, action.time, action.session, action.properties)


async def test_times_at_both_ends_of_what_an_action_may_have(namespace: Namespace, serve: Serve) -> None:
    first, last = datetime(1970, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    insert(namespace, [Stored(uuid.uuid4(), "u", "T", time) for time in (first, last)])
    async with serve() as client:
        for interval, times in (("1h", "2199-12-31T23:00:00Z"), ("1w", "2199-12-30T00:00:00Z")):
            answer = await asked(client, {"interval": interval, "startTime": "2199-12-31T23:00:00Z"})
            assert (answer["times"], answer["values"]) == ([times], {"count": [1]})
        answer = await asked(client, {"interval": "1w", "endTime": "1970-01-02T00:00:00Z"})
        assert (answer["times"], answer["values"]) == (["1969-12-29T00:00:00Z"], {"count": [1]})


@pytest.mark.parametrize(
    ("parameters", "name", "reason"),
    [
        ({"groupBy": "time"}, "groupBy", "none of type, userId, sessionId, properties.<path>"),
        ({"groupBy": "type,userId,sessionId,properties.a"}, "groupBy", "more than 3"),
        ({"groupBy": "type,,userId"}, "groupBy", "commas"),
        ({"groupBy": "properties."}, "groupBy", "name a property"),
        ({"interval": "2h"}, "interval", "none of auto"),
        (
            {"interval": "1m", "startTime": "2024-01-01T00:00:00Z", "endTime": "2025-01-01T00:00:00Z"},
            "interval",
            "527,0",
        ),
        ({"timeZone": "Mars"}, "timeZone", "IANA"),
        ({"measure": "median"}, "measure", "none of count"),
        ({"measure": "p50"}, "of", "of which property"),
        ({"of": "properties.a"}, "of", "no measure"),
        ({"measure": "avg", "of": "amount"}, "of", "name a property"),
        ({"groupBy": "type", "limit": "1001"}, "limit", "1 to 1000"),
        ({"groupby": "type"}, "groupby", "did you mean groupBy"),
    ],
)
async def test_what_is_wrong_is_named(
    namespace: Namespace, serve: Serve, parameters: dict[str, str], name: str, reason: str
) -> None:
    async with serve() as client:
        response = await client.get("/log/counts", params=parameters)
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["path"] == name
    assert reason in error["reason"]


async def test_an_answer_has_a_bounded_number_of_figures(stored: list[Stored], serve: Serve) -> None:
    parameters = {"groupBy": "userId", "interval": "1d", "limit": "8", **YEARS_END}
    async with serve(max_values=1_000) as client:
        assert (await client.get("/log/counts", params=parameters)).status_code == 200
        response = await client.get("/log/counts", params={**parameters, "limit": "200"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["path"] == "interval"
    assert "QUERY_MAX_VALUES" in response.json()["detail"]


async def test_more_points_than_allowed_are_refused_for_the_datas_own_extent_too(
    stored: list[Stored], serve: Serve
) -> None:
    async with serve(max_points=200) as client:
        assert (await client.get("/log/counts?interval=1h")).json()["errors"][0]["path"] == "interval"
        assert (await client.get("/log/counts?interval=1w")).status_code == 200


async def test_too_many_rows_are_refused_before_they_are_read(stored: list[Stored], serve: Serve) -> None:
    async with serve(max_rows_to_read=100) as client:
        for query in ("", "?groupBy=type", "?groupBy=userId", "?interval=1d"):
            response = await client.get(f"/log/counts{query}")
            assert (response.status_code, response.json()["code"]) == (400, "too-many-rows")


async def test_a_dry_run_counts_nothing(stored: list[Stored], serve: Serve) -> None:
    async with serve() as client:
        for parameters in ({"groupBy": "userId", "interval": "1d", **SPRING}, {"groupBy": "type"}, {"interval": "1d"}):
            answer = await asked(client, {**parameters, "dryRun": "true"})
            assert "FROM actions FINAL" in answer["sql"]
            assert answer["estimate"]["rows"] > 0
            assert json.dumps(answer).count("u12") == 0


def insert_users(namespace: Namespace, users: int) -> None:
    """Each of them once, and one twice, under names that take memory."""
    namespace.query(
        "INSERT INTO {db}.actions (event_id, user_id, session_id, type, time, properties) SELECT generateUUIDv4(),"
        f" concat(repeat('long-name-', 8), toString(number % {users})), 's', 'CLICK',"
        " toDateTime64('2024-01-01 00:00:00', 6, 'UTC') + number, '{}'"
        f" FROM numbers({users + 1})",
        "writer",
    )


USERS = 600_000
MEMORY_BYTES = 150_000_000  # with a margin: what a query takes depends on the merges of the moment
GROUPING = ("/log/counts?groupBy=userId&limit=1", "/log/funnel?step=CLICK,VIEW", "/log/retention")


async def test_groups_that_outgrow_the_memory_go_to_the_disk_and_stay_exact(namespace: Namespace, serve: Serve) -> None:
    insert_users(namespace, USERS)
    async with serve(query_memory_bytes=MEMORY_BYTES, query_timeout_ms=60_000) as client:
        counts, funnel, retention = [await client.get(path) for path in GROUPING]
    name = f"{'long-name-' * 8}0"
    assert counts.json()["groups"] == [{"key": [name], "total": {"count": 2}}], counts.text
    assert counts.json()["other"] == {"total": {"count": USERS - 1}}
    assert [step["reached"] for step in funnel.json()["steps"]] == [USERS, 0]
    assert sum(cohort["users"] for cohort in retention.json()["cohorts"]) == USERS


async def test_the_disk_that_groups_take_is_bounded(namespace: Namespace, serve: Serve) -> None:
    insert_users(namespace, USERS)
    async with serve(query_memory_bytes=MEMORY_BYTES, query_disk_bytes=1, query_timeout_ms=60_000) as client:
        for path in GROUPING:
            response = await client.get(path)
            assert response.status_code == 400, response.text
            assert "Ask for a shorter time range" in response.json()["detail"]


async def test_long_keys_do_not_make_an_answer_without_bound(namespace: Namespace, serve: Serve) -> None:
    time = datetime(2024, 1, 1, tzinfo=UTC)
    longs = [Stored(uuid.uuid4(), "u", "T", time, "s", json.dumps({"text": str(n) * 50_000})) for n in range(8)]
    insert(namespace, longs)
    async with serve(max_figures_bytes=100_000) as client:
        assert (await client.get("/log/counts?groupBy=properties.text&limit=1")).status_code == 200
        response = await client.get("/log/counts?groupBy=properties.text")
    assert response.status_code == 400
    assert response.json()["code"] == "too-many-rows"
