"""Fields: which properties the newest matching actions have, of what kinds, with examples.

A bounded sample, not an inventory: the paths are found in the documents themselves, as the filters read them
(``matching.read_document``), so every path that is listed can be filtered and grouped by.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from query_api.filtering import filter_parameters
from query_api.filtering.filter_parameters import MAX_PATH, read_filters
from query_api.filtering.filters import EVERYTHING, Filters, Scope
from query_api.filtering.matching import read_document
from query_api.filtering.query_string import MAX_VALUE_CHARS, QueryString, whole_number
from query_api.paging.page import Pages
from query_api.paging.parameters import PageRequest
from query_api.query import Query
from query_api.settings import Settings
from query_api.work import Work

NAMES: Final = (*filter_parameters.NAMES, "limit", "dryRun")
DEFAULT_LIMIT: Final = 200
MAX_LIMIT: Final = 1_000
MAX_EXAMPLES: Final = 5
MAX_EXAMPLE_CHARS: Final = 200  # a longer text is no example: cut, it would find nothing
_MOST_PATHS: Final = 10_000
_TURN_BYTES: Final = 100_000  # read between two turns of the event loop: a few milliseconds

_SPECIAL: Final = re.compile(r"[\\.,]")
_ESCAPED: Final = r"\\\g<0>"

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldsRequest:
    """Of which actions, and how many paths at most."""

    filters: Filters
    limit: int = DEFAULT_LIMIT
    dry_run: bool = False


def parse(raw_query: bytes, scope: Scope = EVERYTHING) -> FieldsRequest:
    """Raises a Problem (400) that lists every wrong parameter."""
    query = QueryString(raw_query, NAMES, filter_parameters.PREFIXES)
    filters = read_filters(query, scope)
    limit = query.read("limit", whole_number(1, MAX_LIMIT)) or DEFAULT_LIMIT
    dry_run = query.flag("dryRun")
    query.raise_errors()
    return FieldsRequest(filters, limit, dry_run)


@dataclass(slots=True)
class Seen:
    """What was seen at one path; ``examples`` by how they are written, the newest first."""

    actions: int = 0
    kinds: set[str] = field(default_factory=set)
    examples: dict[str, Any] = field(default_factory=dict)

    def note(self, value: Any) -> None:
        self.actions += 1
        self.kinds.add(kind(value))
        if len(self.examples) < MAX_EXAMPLES and _is_example(value):
            self.examples.setdefault(repr(value), value)


class Fields:
    """Samples the newest actions: at most ``fields_sample_actions``, and about ``fields_sample_bytes`` of them."""

    def __init__(self, pages: Pages, settings: Settings) -> None:
        self._pages = pages
        self._settings = settings

    async def read(self, request: FieldsRequest, work: Work) -> Mapping[str, Any]:
        """The answer; raises StoreError."""
        page = await self._pages.read(self._sample(request), work)
        sampled, seen = await self._looked_through([row.properties for row in page.rows])
        ordered = sorted(seen.items(), key=lambda item: (-item[1].actions, item[0]))
        return {"sampledActions": sampled, "fields": [_field(*item) for item in ordered[: request.limit]]}

    async def first_query(self, request: FieldsRequest, work: Work) -> Query:
        return await self._pages.first_query(self._sample(request), work)

    def _sample(self, request: FieldsRequest) -> PageRequest:
        return PageRequest(request.filters, self._settings.fields_sample_actions)

    async def _looked_through(self, documents: Sequence[str]) -> tuple[int, dict[Path, Seen]]:
        """How many were looked at, and what was seen in them."""
        seen: dict[Path, Seen] = {}
        sampled, read_bytes, turn_bytes = 0, 0, 0
        for document in map(str.encode, documents):
            if read_bytes > self._settings.fields_sample_bytes:
                break
            _note(seen, document)
            sampled, read_bytes, turn_bytes = sampled + 1, read_bytes + len(document), turn_bytes + len(document)
            if turn_bytes > _TURN_BYTES:
                turn_bytes = 0
                await asyncio.sleep(0)
        return sampled, seen


def _note(seen: dict[Path, Seen], document: bytes) -> None:
    for path, value in paths(read_document(document)):
        if path in seen or (len(seen) < _MOST_PATHS and len(written(path)) <= MAX_VALUE_CHARS):
            seen.setdefault(path, Seen()).note(value)


def paths(document: Mapping[str, Any], begun: Path = ()) -> Iterator[tuple[Path, Any]]:
    """What lies at the ends of all paths through objects: scalars, arrays, empty objects."""
    for name, value in document.items():
        path = (*begun, name)
        if isinstance(value, dict) and value:
            if len(path) < MAX_PATH:
                yield from paths(value, path)
        elif all(path):  # a filter cannot name a member without a name
            yield path, value


def written(path: Path) -> str:
    """As filters and groupBy name it, in which a comma between names is one too."""
    return f"properties.{'.'.join(_SPECIAL.sub(_ESCAPED, member) for member in path)}"


def kind(value: Any) -> str:
    """JSON's own word for what the value is."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"


def _is_example(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_EXAMPLE_CHARS
    return isinstance(value, int | float)


def _field(path: Path, seen: Seen) -> dict[str, Any]:
    return {
        "path": written(path),
        "actions": seen.actions,
        "kinds": sorted(seen.kinds),
        "examples": list(seen.examples.values()),
    }
