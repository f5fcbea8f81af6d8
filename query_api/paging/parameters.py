"""The query string of GET /log → a PageRequest."""

from dataclasses import dataclass
from typing import Final

from query_api.exporting import export_formats
from query_api.exporting.export_formats import CSV, JSON, NDJSON, Format
from query_api.filtering import filter_parameters
from query_api.filtering.filter_parameters import read_filters
from query_api.filtering.filters import EVERYTHING, Filters, Scope
from query_api.filtering.query_string import QueryString, one_of, whole_number
from query_api.paging.cursor import Cursors, Order, Position

NAMES: Final = (*filter_parameters.NAMES, "order", "limit", "cursor", "format", "summary", "dryRun")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page: the filters, its order, where it begins (None: at the end) and how many actions it may hold; or, with
    ``everything``, all that the filters ask for in one stream.

    order    of an export: None is the order of the table's key
    summary  whether the answer ends with a line that says how many actions it has
    """

    filters: Filters
    limit: int
    position: Position | None = None
    order: Order | None = Order.DESC
    dry_run: bool = False
    fmt: Format = JSON
    everything: bool = False
    summary: bool = False

    @property
    def page_order(self) -> Order:
        return self.order or Order.DESC


@dataclass(frozen=True, slots=True)
class Limits:
    """The page's size: when the request names none, and at most."""

    default: int
    most: int


def parse(
    query: bytes, limits: Limits, cursors: Cursors, scope: Scope = EVERYTHING, accept: str | None = None
) -> PageRequest:
    """The request in a raw query string and the header Accept.

    Raises a Problem: 400 that lists every wrong parameter, 406 when no format is acceptable.
    """
    reader = QueryString(query, NAMES, filter_parameters.PREFIXES)
    filters = read_filters(reader, scope)
    order = reader.read("order", _order)
    limit = reader.read("limit", whole_number(1, limits.most))
    fmt = _read_format(reader, accept)
    everything = fmt is not JSON and not reader.has("limit") and not reader.has("cursor")
    if everything and order is Order.DESC:
        reader.refuse("order", "everything in one stream comes oldest first; add a limit for pages, newest first")
    summary = _read_summary(reader, fmt)
    dry_run = reader.flag("dryRun")
    # The cursor is judged by the filters, so only when they are right.
    page_order = order or Order.DESC
    found = None if reader.errors else reader.read("cursor", lambda text: cursors.decode(text, filters, page_order))
    reader.raise_errors()
    position, filters = found or (None, filters)
    limit = limits.default if limit is None else limit
    return PageRequest(filters, limit, position, order if everything else page_order, dry_run, fmt, everything, summary)


def _order(text: str) -> Order:
    if text not in list(Order):
        raise ValueError("neither asc nor desc")
    return Order(text)


def _read_format(reader: QueryString, accept: str | None) -> Format:
    if reader.has("format"):
        return reader.read("format", export_formats.named) or JSON
    return export_formats.accepted(accept)


def _read_summary(reader: QueryString, fmt: Format) -> bool:
    """NDJSON has a summary unless it is refused, CSV when it is asked for; the others end in a way of their own."""
    asked = reader.read("summary", one_of("true", "false"))
    if asked == "true" and fmt not in {NDJSON, CSV}:
        reader.refuse("summary", "only of format=ndjson and format=csv")
    return asked == "true" or (asked is None and fmt is NDJSON)
