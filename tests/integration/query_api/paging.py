"""Reading page after page, as a client does."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import httpx

Parameters = Mapping[str, str] | Sequence[tuple[str, str]]


def pairs(parameters: Parameters) -> list[tuple[str, str]]:
    return list(parameters.items() if isinstance(parameters, Mapping) else parameters)


async def pages(client: httpx.AsyncClient, parameters: Parameters) -> AsyncIterator[list[dict[str, Any]]]:
    """The actions of each page until `next` is null."""
    cursor: list[tuple[str, str]] = []
    while True:
        body = await answer(client, [*pairs(parameters), *cursor])
        yield body["actions"]
        if body["next"] is None:
            return
        cursor = [("cursor", body["next"])]


async def answer(client: httpx.AsyncClient, parameters: Parameters) -> dict[str, Any]:
    """The body of one page, which must be one."""
    response = await client.get(f"/log?{urlencode(pairs(parameters))}")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def everything(client: httpx.AsyncClient, parameters: Parameters) -> list[dict[str, Any]]:
    """All pages in one list; each but the last is full."""
    read = [page async for page in pages(client, parameters)]
    limit = int(dict(pairs(parameters)).get("limit", "100"))
    assert all(len(page) == limit for page in read[:-1])
    return [action for page in read for action in page]
