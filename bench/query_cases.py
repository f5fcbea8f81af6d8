"""What the query benchmark asks: each as a request to the API, and as the SQL that the API runs for it.

The SQL comes from the API itself (``dryRun=true``). Where few actions meet the filters, a page takes the API several
queries, one a stretch of time; against it stands one query over all of that time, which is what somebody without
stretches would write. Each kind is asked in ten variants by turns (other users, days, values), so that no cache of
answers or conditions is measured; only "latest 100" and the counts stay the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec

from bench import query_data
from bench.query_http import Kept, RefusedError, Sql

Kind = Literal["page", "user", "filter", "counts"]

PAGE: Final = 100
PAGES_BEFORE: Final = 999
_LARGEST_PAGE: Final = 10_000
_RESULT_FORMAT: Final = "JSONCompact"  # what the API asks ClickHouse for
_END: Final = datetime.fromtimestamp(query_data.END_US / 1e6, UTC)
_LOWER: Final = "lower_us"  # the parameter that bounds a stretch of time from below
_VARIANTS: Final = range(10)
_RANKS: Final = {"frequent": 100, "middling": 1_000, "rare": 20_000}


@dataclass(frozen=True)
class Case:
    """One kind of question: its variants, each as a path and as SQL."""

    name: str
    kind: Kind
    variants: Sequence[tuple[str, Sql]]

    def variant(self, number: int) -> tuple[str, Sql]:
        """They take turns."""
        return self.variants[number % len(self.variants)]

    @property
    def pruned(self) -> bool:
        """Whether the table's key bounds what it reads, so that the goal for pages holds."""
        return self.kind == "page"


class Answer(msgspec.Struct):
    """What is needed of a page."""

    actions: list[msgspec.Raw]
    next: str | None


def all_cases(api: Kept, reader: Kept) -> tuple[list[Case], dict[str, str]]:
    """The cases that this API can answer, and why it can't answer the others, by name. Raises OSError."""
    cases, refused = [], {}
    for name, kind, paths in (*_pages(api), *_users(reader), *_filters(), *_counts()):
        try:
            cases.append(Case(name, kind, [(path, _direct(api, kind, path)) for path in paths]))
            api.get(paths[0])
        except RefusedError as error:
            refused[name] = str(error)
    return [case for case in cases if case.name not in refused], refused


_Asked = tuple[str, Kind, Sequence[str]]


def _direct(api: Kept, kind: Kind, path: str) -> Sql:
    """The API's SQL; over the whole time where the API goes through it in stretches."""
    sql = described(api, path)
    if kind in {"user", "filter"} and _LOWER in sql.parameters:
        start = dict(parse_qsl(urlsplit(path).query)).get("startTime")
        whole_us = round(datetime.fromisoformat(start).timestamp() * 1e6) if start else 0
        return Sql(sql.text, {**sql.parameters, _LOWER: whole_us})
    return sql


def _pages(api: Kept) -> list[_Asked]:
    days = [_log(type="PURCHASE", startTime=_ago(30 + n), endTime=_ago(29 + n)) for n in _VARIANTS]
    return [
        ("latest 100", "page", [_log()]),
        ("type + day", "page", days),
        ("page 1,000", "page", [_log(cursor=cursor_after(api, PAGES_BEFORE * PAGE + 37 * n)) for n in _VARIANTS[:3]]),
    ]


def _users(reader: Kept) -> list[_Asked]:
    return [
        (f"{kind} user", "user", [_log(userId=_user(reader, rank * (100 + n) // 100)) for n in _VARIANTS])
        for kind, rank in _RANKS.items()
    ]


def _user(reader: Kept, rank: int) -> str:
    return reader.text(f"SELECT {query_data.user(rank)}")


def _filters() -> list[_Asked]:
    return [
        (
            f"property {days} d",
            "filter",
            [
                _log(**{"properties.page": f"/products/{777 + n}"}, startTime=_ago(days), endTime=_ago(0))
                for n in _VARIANTS
            ],
        )
        for days in (1, 7)
    ]


def _counts() -> list[_Asked]:
    return [
        *((f"hour x type {days} d", "counts", [_count(days, groupBy="type", interval="1h")]) for days in (7, 90)),
        *(
            (f"users a day {days} d", "counts", [_count(days, measure="uniqueUsers", interval="1d")])
            for days in (7, 90)
        ),
    ]


def _count(days: int, **parameters: str) -> str:
    return _get("/log/counts", startTime=_ago(days), endTime=_ago(0), **parameters)


def export_path(fmt: str, days: float) -> str:
    """The request for all actions of the last days."""
    return _get("/log", format=fmt, startTime=_ago(days), endTime=_ago(0))


def described(api: Kept, path: str, fmt: str = _RESULT_FORMAT) -> Sql:
    """The SQL that the API would run for the request, with a FORMAT where it names none. Raises RefusedError."""
    answer: dict[str, Any] = msgspec.json.decode(api.get(f"{path}{'&' if '?' in path else '?'}dryRun=true")[1])
    text = str(answer["sql"])
    return Sql(text if "\nFORMAT " in text else f"{text}\nFORMAT {fmt}", answer["parameters"])


def cursor_after(api: Kept, actions: int) -> str:
    """The cursor of the page that begins after so many of the newest actions."""
    cursor: str | None = None
    for limit in _steps(actions):
        asked = {"limit": str(limit), **({"cursor": cursor} if cursor else {})}
        cursor = msgspec.json.decode(api.get(_get("/log", **asked))[1], type=Answer).next
        if cursor is None:
            raise RefusedError("the set has fewer actions than the cursor is to skip")
    return cursor or ""


def _steps(actions: int) -> Sequence[int]:
    whole, rest = divmod(actions, _LARGEST_PAGE)
    return [_LARGEST_PAGE] * whole + ([rest] if rest else [])


def _log(**parameters: str) -> str:
    return _get("/log", limit=str(PAGE), **parameters)


def _get(path: str, **parameters: str) -> str:
    return f"{path}?{urlencode(parameters, quote_via=quote)}"


def _ago(days: float) -> str:
    """RFC 3339, before the end of the set."""
    return (_END - timedelta(days=days)).isoformat().replace("+00:00", "Z")
