import httpx
import pytest
from fastapi import FastAPI

from kit import problem
from kit.problem import Problem, unavailable


def app() -> FastAPI:
    made = FastAPI()
    problem.install(made)

    @made.get("/refuse")
    async def refuse() -> None:
        raise Problem(400, "invalid-request", "time: no date", errors=[{"path": "$.time", "reason": "no date"}])

    @made.get("/away")
    async def away() -> None:
        raise unavailable("store-unavailable", "The store is away.", retry_after_s=7)

    @made.get("/bug")
    async def bug() -> None:
        raise ZeroDivisionError("a secret of the code")

    @made.get("/typed")
    async def typed(count: int) -> int:
        return count

    return made


async def get(path: str, method: str = "GET") -> httpx.Response:
    transport = httpx.ASGITransport(app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return await client.request(method, path)


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/refuse", "GET", 400, "invalid-request"),
        ("/away", "GET", 503, "store-unavailable"),
        ("/bug", "GET", 500, "internal-error"),
        ("/typed?count=x", "GET", 400, "invalid-request"),
        ("/nowhere", "GET", 404, "not-found"),
        ("/refuse", "DELETE", 405, "method-not-allowed"),
    ],
)
async def test_every_error_is_a_problem(path: str, method: str, status: int, code: str) -> None:
    answer = await get(path, method)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == answer.json()["status"] == status
    assert answer.json()["code"] == code
    assert answer.json()["detail"]


async def test_the_wrong_field_is_named() -> None:
    assert (await get("/refuse")).json()["errors"] == [{"path": "$.time", "reason": "no date"}]
    assert (await get("/typed?count=x")).json()["errors"][0]["path"] == "count"


async def test_a_503_says_when_to_come_again() -> None:
    assert (await get("/away")).headers["retry-after"] == "7"


async def test_a_bug_is_answered_without_its_inside() -> None:
    assert "secret" not in (await get("/bug")).text
