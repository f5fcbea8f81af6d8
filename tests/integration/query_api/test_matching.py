"""A record matches in Python exactly when its row does in SQL."""

import random
import uuid
from datetime import UTC, datetime

import msgspec
import pytest

from contract.record import ActionRecord
from contract.tables import ACTIONS
from query_api.filtering import conditions
from query_api.filtering.filters import Filters, Operator, PropertyCondition, Scope
from query_api.filtering.matching import matches
from query_api.filtering.moments import to_us
from query_api.query import Query
from query_api.settings import Settings
from query_api.store import Store, result_decoder
from query_api.work import Work
from tests.integration.query_api import documents
from tests.integration.query_api.actions import MOMENTS, TYPES, USERS, Stored, insert
from tests.namespace import Namespace

_ids = result_decoder(tuple[str])
SESSIONS = ("s1", "S1", "")


def record(action: Stored) -> ActionRecord:
    """The action as it stands on the topic."""
    time = action.time.astimezone(UTC)
    properties = msgspec.Raw(action.properties.encode())
    return ActionRecord(str(action.id), action.user, action.session, action.type, time, 0, time, properties)


def stored(chance: random.Random, properties: str) -> Stored:
    moment = datetime.fromisoformat(chance.choice(MOMENTS)).replace(tzinfo=UTC)
    identity = uuid.UUID(int=chance.getrandbits(128))
    return Stored(identity, chance.choice(USERS), chance.choice(TYPES), moment, chance.choice(SESSIONS), properties)


def filters(chance: random.Random) -> Filters:
    """Conditions on properties; on the columns now and then, so that enough is left."""
    columns = chance.random() < 0.3
    excluding = chance.random() < 0.3
    scope = Scope(_some(chance, USERS), (), *_span(chance)) if chance.random() < 0.1 else Scope()
    return Filters(
        _some(chance, USERS) if columns else (),
        _some(chance, SESSIONS[:2]) if columns else (),
        _some(chance, TYPES) if columns else (),
        *(_span(chance) if columns else (None, None)),
        properties=tuple(documents.condition(chance) for _ in range(chance.choice((1, 1, 1, 2)))),
        scope=scope,
        not_user_ids=_some(chance, USERS) if excluding else (),
        not_session_ids=_some(chance, SESSIONS) if excluding else (),
        not_types=_some(chance, TYPES) if excluding else (),
    )


def _some(chance: random.Random, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(chance.sample(values, chance.randrange(len(values))))


def _span(chance: random.Random) -> tuple[int | None, int | None]:
    bounds = [to_us(datetime.fromisoformat(moment).replace(tzinfo=UTC)) for moment in chance.sample(MOMENTS, 2)]
    start_us, end_us = sorted(bounds)
    return chance.choice((None, start_us)), chance.choice((None, end_us))


@pytest.fixture
def store(namespace: Namespace) -> Store:
    values = namespace.environment("query_api")
    return Store(
        Settings.model_validate({name.removeprefix("QUERY_").lower(): value for name, value in values.items()})
    )


def expressible(wanted: Filters) -> bool:
    """Whether a query string can say it: the empty text is no user, session or type."""
    return "" not in (*wanted.not_user_ids, *wanted.not_session_ids, *wanted.not_types)


async def found(store: Store, wanted: Filters) -> set[str]:
    where = conditions.of(wanted)
    query = Query(f"SELECT event_id FROM {ACTIONS} FINAL {where.where()}", where.parameters)
    return {identity for (identity,) in await store.fetch(query, Work(60), _ids)}


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_record_matches_when_its_row_does(namespace: Namespace, store: Store, seed: int) -> None:
    chance = random.Random(seed)
    actions = [stored(chance, documents.document(chance)) for _ in range(1500)]
    insert(namespace, actions)
    records = [record(action) for action in actions]
    try:
        for _ in range(150):
            wanted = filters(chance)
            in_sql = await found(store, wanted)
            in_python = {record.event_id for record in records if matches(wanted, record)}
            differing = [bytes(record.properties) for record in records if record.event_id in in_sql ^ in_python]
            assert not differing, (wanted.properties, differing[:5])
    finally:
        await store.close()


# What each operator means, as docs/querying-pages.md says it: the condition, what it finds, and what it does not.
MEANINGS: list[tuple[str, str, list[str | None], list[str | None]]] = [
    ("eq", "1", ["1", "1.0", "10e-1", '"1"'], ['"1.0"', "true", "2", "[1]", None]),
    ("eq", "abc", ['"abc"', '"\\u0061bc"'], ['"ABC"', '"abcd"', None]),
    ("eq", "true", ["true", '"true"'], ["1", "false", None]),
    ("eq", "null", ["null", '"null"'], ['""', "0", None]),
    ("eq", "", ['""'], ["null", "[]", None]),
    ("ne", "1", ['"1.0"', "2", "null", None], ["1", '"1"', "1e0"]),
    ("gt", "9", ["10", "9.5"], ["9", '"10"', "null", None]),
    ("gte", "2026-01-02", ['"2026-01-02T03:04:05Z"', '"2026-01-02"'], ['"2026-01-01"', "2027", None]),
    ("lt", "0", ["-1", "-1e-7"], ["0", "-0.0", "null", None]),
    ("lte", "b", ['"a"', '"B"', '""'], ['"bb"', "1", None]),
    ("exists", "true", ["null", "0", "{}"], [None]),
    ("exists", "false", [None], ["null"]),
    ("contains", "bc", ['"abcd"'], ['"b"', '["bc"]', None]),
    ("contains", "1", ['"a1"'], ["1", "[1]", None]),
]


async def test_the_operators_mean_what_the_docs_say(namespace: Namespace, store: Store) -> None:
    actions = {str(number): _cases(number, *meaning[2:]) for number, meaning in enumerate(MEANINGS)}
    insert(namespace, [action for cases in actions.values() for action in cases])
    try:
        for number, (name, value, meets, _) in enumerate(MEANINGS):
            condition = PropertyCondition(("p",), Operator(name), (value,))
            wanted = Filters(user_ids=(str(number),), properties=(condition,))
            cases = actions[str(number)]
            expected = {str(action.id) for action in cases[: len(meets)]}
            assert {str(action.id) for action in cases if matches(wanted, record(action))} == expected, condition
            assert await found(store, wanted) == expected, condition
    finally:
        await store.close()


def _cases(number: int, meets: list[str | None], fails: list[str | None]) -> list[Stored]:
    time = datetime(2026, 1, 1, tzinfo=UTC)
    properties = ["{}" if text is None else f'{{"p":{text}}}' for text in (*meets, *fails)]
    return [
        Stored(uuid.UUID(int=number * 100 + place), str(number), "t", time, "s", text)
        for place, text in enumerate(properties)
    ]
