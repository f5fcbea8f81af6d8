"""Pages by any filters, while others insert and ClickHouse merges: every action that was there, once, in order."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from query_api.filtering.filters import Filters, Operator, PropertyCondition
from query_api.filtering.matching import matches
from query_api.filtering.moments import from_us
from tests.integration.query_api.actions import Stored, answered, insert, newest_first
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.documents import document
from tests.integration.query_api.paging import everything, pages
from tests.integration.query_api.test_matching import expressible, filters, record, stored
from tests.namespace import Namespace
from tests.waiting import wait_until_async

Parameters = list[tuple[str, str]]


def parameters(wanted: Filters) -> Parameters:
    """The filters as a client writes them."""
    columns = (
        ("userId", wanted.user_ids),
        ("sessionId", wanted.session_ids),
        ("type", wanted.types),
        ("userId[ne]", wanted.not_user_ids),
        ("sessionId[ne]", wanted.not_session_ids),
        ("type[ne]", wanted.not_types),
    )
    bounds = (("startTime", wanted.start_us), ("endTime", wanted.end_us))
    return [
        *((name, value) for name, values in columns for value in values),
        *((name, from_us(us, 0).isoformat()) for name, us in bounds if us is not None),
        *((written(condition), value) for condition in wanted.properties for value in condition.values),
    ]


def written(condition: PropertyCondition) -> str:
    path = ".".join(member.replace("\\", "\\\\").replace(".", "\\.") for member in condition.path)
    short = condition.operator is Operator.EQ and not path.endswith("]")
    return f"properties.{path}" + ("" if short else f"[{condition.operator}]")


def drawn(chance: random.Random) -> Filters:
    """As a request can say it: no scope, no condition twice."""
    while True:
        wanted = filters(chance)
        names = {written(condition) for condition in wanted.properties}
        empty_span = wanted.start_us is not None and wanted.start_us == wanted.end_us
        distinct = len(names) == len(wanted.properties)
        if wanted.scope == Filters().scope and distinct and not empty_span and expressible(wanted):
            return wanted


def expected(actions: Sequence[Stored], wanted: Filters) -> list[Stored]:
    return newest_first(action for action in actions if matches(wanted, record(action)))


def acceptable(chance: random.Random) -> str:
    """Properties that the producer and the sink take: no half of a surrogate pair."""
    while True:
        with contextlib.suppress(msgspec.DecodeError):
            return bytes(msgspec.json.decode(document(chance), type=msgspec.Raw)).decode()


@pytest.mark.parametrize("seed", [1, 2])
async def test_pages_by_any_filters_add_up_to_the_model(namespace: Namespace, serve: Serve, seed: int) -> None:
    chance = random.Random(seed)
    actions = [stored(chance, acceptable(chance)) for _ in range(400)]
    namespace.query("SYSTEM STOP MERGES {db}.actions")
    for part in (actions[:200], actions[150:300], actions[250:]):  # many twice, in several parts
        insert(namespace, part)
    async with serve(first_window_rows=chance.choice((1, 50, 32_768))) as client:
        for _ in range(25):
            wanted = drawn(chance)
            oldest_first = chance.random() < 0.5
            asked: Parameters = [*parameters(wanted), ("limit", str(chance.choice((7, 100, 10_000))))]
            model = answered(expected(actions, wanted)[:: -1 if oldest_first else 1])
            shown = await everything(client, [*asked, *([("order", "asc")] if oldest_first else [])])
            assert shown == model, wanted


@contextlib.asynccontextmanager
async def disturbed(namespace: Namespace, there: Sequence[Stored], chance: random.Random) -> AsyncIterator[None]:
    """Meanwhile actions are inserted, old ones again, and the parts merged, until the context is left."""
    rounds = 0

    async def disturb() -> None:
        nonlocal rounds
        while True:
            fresh = [stored(chance, document(chance)) for _ in range(20)]
            await asyncio.to_thread(insert, namespace, [*fresh, *chance.sample(there, 20)])
            if rounds % 3 == 2:
                await asyncio.to_thread(namespace.query, "OPTIMIZE TABLE {db}.actions FINAL")
            rounds += 1

    async def has_begun() -> bool:
        disturbing.done() and disturbing.result()
        return rounds > 0

    disturbing = asyncio.create_task(disturb())
    try:
        await wait_until_async(has_begun, 60, "others insert")
        yield
        assert not disturbing.done() or disturbing.result()
    finally:
        disturbing.cancel()
        await asyncio.gather(disturbing, return_exceptions=True)


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_nothing_is_lost_or_repeated_while_others_insert_and_parts_merge(
    namespace: Namespace, serve: Serve, order: str
) -> None:
    chance = random.Random(order)
    there = [stored(chance, document(chance)) for _ in range(300)]
    insert(namespace, there)
    async with serve(first_window_rows=20) as client, disturbed(namespace, there, random.Random(3)):
        for wanted in (Filters(), *(drawn(chance) for _ in range(4))):
            asked: Parameters = [*parameters(wanted), ("order", order), ("limit", "13")]
            shown = [action["id"] async for page in pages(client, asked) for action in page]
            before = [str(action.id) for action in expected(there, wanted)[:: 1 if order == "desc" else -1]]
            assert len(shown) == len(set(shown))
            assert [identity for identity in shown if identity in set(before)] == before
