"""The HTTP surface around the reading: refusals, methods, documentation."""

import pytest

from query_api.paging.parameters import NAMES
from tests.integration.query_api.conftest import Serve

PROBLEM = "application/problem+json"


async def test_a_wrong_parameter_is_named_with_its_reason(serve: Serve) -> None:
    async with serve() as client:
        response = await client.get("/log?userid=ABC&limit=0")
    assert response.status_code == 400
    assert response.headers["content-type"] == PROBLEM
    body = response.json()
    assert body["errors"] == [
        {"path": "userid", "reason": "unknown parameter; did you mean userId?"},
        {"path": "limit", "reason": "not a whole number from 1 to 10000"},
    ]
    assert body["detail"].startswith("userid: unknown parameter; did you mean userId?")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_methods_that_neither_read_nor_erase_are_refused(serve: Serve, method: str) -> None:
    async with serve() as client:
        response = await client.request(method, "/log")
    assert response.status_code == 405
    assert response.headers["allow"] == "DELETE, GET"
    assert response.headers["content-type"] == PROBLEM


async def test_an_unknown_path_is_a_problem_and_counted_without_its_name(serve: Serve) -> None:
    async with serve() as client:
        response = await client.get("/wibble")
        assert (response.status_code, response.headers["content-type"]) == (404, PROBLEM)
        metrics = (await client.get("/metrics")).text
    assert 'actionlog_query_requests_total{route="other",status="404"}' in metrics
    assert "wibble" not in metrics


async def test_every_parameter_is_documented(serve: Serve) -> None:
    async with serve(max_limit=50) as client:
        assert (await client.get("/docs")).status_code == 200
        operation = (await client.get("/openapi.json")).json()["paths"]["/log"]["get"]
    parameters = {parameter["name"]: parameter for parameter in operation["parameters"]}
    assert set(parameters) == {*NAMES, "properties.<path>", "after", "Prefer"}
    assert all(parameter["description"] for parameter in parameters.values())
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 50, "default": 50}
    assert "half-open" in operation["description"]
    assert set(operation["responses"]) >= {"200", "400", "401", "403", "503", "504"}


async def test_the_service_is_alive_whatever_else_is_not(serve: Serve) -> None:
    async with serve(clickhouse_url="http://127.0.0.1:1") as client:
        assert (await client.get("/livez")).status_code == 200
