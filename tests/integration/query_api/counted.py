"""Actions to count, stored as a real sink may: twice, in several parts. And a model in Python of GET /log/counts."""

import json
import random
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.integration.query_api.actions import Stored, insert
from tests.namespace import Namespace
from tests.unit.query_api import timeline

# Where clocks change, where years, months, weeks and days end, and long stretches with nothing between.
_MOMENTS: Final = (
    *("2024-03-31T00:59:59.999999", "2024-03-31T01:00:00", "2024-03-30T22:59:00", "2024-04-07T21:59:59"),
    *("2024-10-27T00:30:00", "2024-10-27T01:30:00", "2024-10-26T22:00:00", "2024-11-03T05:30:00"),
    *("2024-12-31T22:59:59.999999", "2024-12-31T23:00:00", "2024-12-31T23:59:59.999999", "2025-01-01T00:00:00"),
)
_TYPES: Final = ("CLICK", "VIEW", "BUY", "é", "click", "STAY", "GO")
_USERS: Final = ("u1", "u2", "u3", "U1", "ü", "u4", "u5", "u6", "u7", "u8", "u9", "u10", "u11", "u12")
# The same property as text and as number, in several spellings, missing, null and of every other kind.
_PAGES: Final = (
    *('"a"', '"b"', '"\\u0061"', '"1"', "1", "1.0", "10e-1", "0", "-0.0", "2.5", "null", "true", '"null"', '""', None),
    *("[1, 2.0]", '{"x": null}', "false", '"é"', "-7"),
)
_AMOUNTS: Final = ("1", "2", "2.25", "-3.5", "1e3", '"5"', "true", "null", None, "0", "7.125", "12", "[]")


def generated(count: int, seed: int) -> list[Stored]:
    chance = random.Random(seed)
    return [_generated(chance) for _ in range(count)]


def _generated(chance: random.Random) -> Stored:
    moment = datetime.fromisoformat(chance.choice(_MOMENTS)).replace(tzinfo=UTC)
    if chance.random() < 0.7:
        moment += timedelta(microseconds=chance.randrange(-3 * 86_400 * 10**6, 3 * 86_400 * 10**6))
    members = {"page": chance.choice(_PAGES), "amount": chance.choice(_AMOUNTS), "a.b": chance.choice(("1", None))}
    inner = f'{{"amount": {chance.choice(_AMOUNTS) or "null"}}}'
    written = [f'"{name}": {value}' for name, value in members.items() if value is not None]
    identity = uuid.UUID(int=chance.getrandbits(128))
    return Stored(
        identity,
        _USERS[min(chance.randrange(len(_USERS)), chance.randrange(len(_USERS)))],
        _TYPES[min(chance.randrange(len(_TYPES)), chance.randrange(len(_TYPES)))],
        moment,
        f"s{chance.randrange(30)}",
        "{" + ", ".join([*written, f'"cart": {inner}']) + "}",
    )


def insert_with_duplicates(namespace: Namespace, actions: Sequence[Stored], seed: int) -> None:
    """Every action at least once, many twice or three times, in several parts of each month."""
    chance = random.Random(seed)
    insert(namespace, actions[: len(actions) // 2])
    insert(namespace, chance.sample(actions, len(actions) // 3))
    insert(namespace, actions[len(actions) // 2 :])
    insert(namespace, chance.sample(actions, len(actions) // 3))


def counts(actions: Iterable[Stored], parameters: Mapping[str, str]) -> dict[str, Any]:
    """What GET /log/counts must answer. ``parameters``: lists are written with commas, times are RFC 3339."""
    start, end = _moment(parameters.get("startTime")), _moment(parameters.get("endTime"))
    found = [action for action in actions if _meets(action, parameters, start, end)]
    names = parameters.get("measure", "count").split(",")
    groups = parameters["groupBy"].split(",") if "groupBy" in parameters else []
    of = parameters.get("of", "").split(".")[1:]
    axis = _axis(found, parameters, start, end)

    def figures(chosen: Sequence[Stored]) -> dict[str, Any]:
        return {name: figure(name, chosen, of) for name in names}

    def values(chosen: Sequence[Stored]) -> dict[str, Any]:
        answered: dict[str, Any] = {"total": figures(chosen)}
        if axis is not None:
            rows = [figures(within) for within in _cut(chosen, axis)]
            answered["values"] = {name: [row[name] for row in rows] for name in names}
        return answered

    body: dict[str, Any] = {"groups": [], "other": None, **values(found)}
    if axis is not None:
        body["times"] = axis
    if of:
        numeric = sum(number(action, of) is not None for action in found)
        there = sum(member(action, of) is not None for action in found)
        body["of"] = {"property": parameters["of"], "numeric": numeric, "ignored": there - numeric}
    if groups:
        limit = int(parameters.get("limit", "10"))
        ranked = _ranked(found, groups, lambda chosen: figure(names[0], chosen, of))
        body["groups"] = [{"key": [json.loads(key) for key in keys], **values(group)} for keys, group in ranked[:limit]]
        rest = [action for _, group in ranked[limit:] for action in group]
        body["other"] = values(rest) if rest else None
    return body


def _ranked(
    found: Sequence[Stored], groups: Sequence[str], first: Callable[[Sequence[Stored]], float | None]
) -> list[tuple[tuple[str, ...], list[Stored]]]:
    """By the first measure, the highest first and those without it last; then by their keys' bytes."""
    by_key: dict[tuple[str, ...], list[Stored]] = {}
    for action in found:
        by_key.setdefault(tuple(canonical(_key(action, group)) for group in groups), []).append(action)

    def place(item: tuple[tuple[str, ...], list[Stored]]) -> tuple[bool, float, list[str]]:
        value = first(item[1])
        # Columns are compared by their text, properties by their JSON text; what is missing is empty.
        texts = [
            json.loads(key) if group in {"type", "userId", "sessionId"} else key.replace("null", "", key == "null")
            for key, group in zip(item[0], groups, strict=True)
        ]
        return value is None, -(value or 0), texts

    return sorted(by_key.items(), key=place)


def close(value: Any) -> Any:
    """The same with numbers that compare by 12 figures, since a sum depends on its order, and keys by their value."""
    if isinstance(value, dict):
        return {
            name: [canonical(key) for key in item] if name == "key" else close(item) for name, item in value.items()
        }
    if isinstance(value, list):
        return [close(item) for item in value]
    return pytest.approx(value, rel=1e-12) if isinstance(value, float) else value


def canonical(value: Any) -> str:
    """JSON in which numbers of one value are one text."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int | float):
        return json.dumps(int(value) if float(value).is_integer() else value)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{canonical(item)}" for name, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def figure(name: str, actions: Sequence[Stored], of: Sequence[str]) -> float | None:
    numbers = sorted(value for action in actions if (value := number(action, of)) is not None)
    match name:
        case "count":
            return len(actions)
        case "uniqueUsers":
            return len({action.user for action in actions})
        case "uniqueSessions":
            return len({action.session for action in actions})
        case "sum":
            return sum(numbers)
    if not numbers:
        return None
    match name:
        case "avg":
            return sum(numbers) / len(numbers)
        case "min":
            return numbers[0]
        case "max":
            return numbers[-1]
    place = (len(numbers) - 1) * int(name[1:]) / 100  # as numpy and pandas do
    below = int(place)
    above = min(below + 1, len(numbers) - 1)
    return numbers[below] + (numbers[above] - numbers[below]) * (place - below)


def member(action: Stored, path: Sequence[str]) -> Any:
    found: Any = json.loads(action.properties)
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def number(action: Stored, path: Sequence[str]) -> float | None:
    found = member(action, path) if path else None
    return None if isinstance(found, bool) or not isinstance(found, int | float) else float(found)


def _key(action: Stored, group: str) -> Any:
    match group:
        case "type":
            return action.type
        case "userId":
            return action.user
        case "sessionId":
            return action.session
    return member(action, [part.replace("\0", ".") for part in group.replace("\\.", "\0").split(".")[1:]])


def _meets(action: Stored, parameters: Mapping[str, str], start: datetime | None, end: datetime | None) -> bool:
    return (
        parameters.get("userId", action.user) == action.user
        and parameters.get("type", action.type) == action.type
        and ("properties.amount[gte]" not in parameters or (number(action, ["amount"]) or -1) >= 1)
        and (start is None or start <= action.time)
        and (end is None or action.time < end)
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _axis(
    found: Sequence[Stored], parameters: Mapping[str, str], start: datetime | None, end: datetime | None
) -> list[datetime] | None:
    if "interval" not in parameters:
        return None
    times = [action.time for action in found]
    start = start or min(times, default=end)
    end = end or max(times, default=start or datetime.now(UTC)) + timedelta(microseconds=1)
    if start is None or (not times and None in (parameters.get("startTime"), parameters.get("endTime"))):
        return []
    return timeline.starts(parameters["interval"], parameters.get("timeZone", "UTC"), start, end)


def _cut(actions: Sequence[Stored], axis: Sequence[datetime]) -> list[list[Stored]]:
    ends = [*axis[1:], datetime.max.replace(tzinfo=UTC)][: len(axis)]
    return [
        [action for action in actions if lower <= action.time < upper] for lower, upper in zip(axis, ends, strict=True)
    ]
