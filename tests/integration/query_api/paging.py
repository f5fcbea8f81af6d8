"""Reading page after page, as a client does."""

from collections.abc import AsyncIterator
from typing import Any

import httpx


async def pages(client: httpx.AsyncClient, parameters: dict[str, str]) -> AsyncIterator[list[dict[str, Any]]]:
    """The actions of each page until `next` is null."""
    cursor: dict[str, str] = {}
    while True:
        body = await answer(client, {**parameters, **cursor})
        yield body["actions"]
        if body["next"] is None:
            return
        cursor = {"cursor": body["next"]}


async def answer(client: httpx.AsyncClient, parameters: dict[str, str]) -> dict[str, Any]:
    """The body of one page, which must be one."""
    response = await client.get("/log", params=parameters)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def everything(client: httpx.AsyncClient, parameters: dict[str, str]) -> list[dict[str, Any]]:
    """All pages in one list; each but the last is full."""
    read = [page async for page in pages(client, parameters)]
    limit = int(parameters.get("limit", "100"))
    assert all(len(page) == limit for page in read[:-1])
    return [action for page in read for action in page]
