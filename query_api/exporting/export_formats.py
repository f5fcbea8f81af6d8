"""The formats of GET /log, and which one a request asks for: ``format=`` names it, else ``Accept`` does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from kit.problem import Problem
from query_api import weighted
from query_api.weighted import Weighted


@dataclass(frozen=True, slots=True, eq=False)  # known by identity
class Format:
    """One format.

    name         as ``format=`` has it
    media_type   of the answer
    accepted     media types that ask for it
    clickhouse   ClickHouse's name of it; empty where the answer is written here
    settings     ClickHouse's, for this format
    """

    name: str
    media_type: str
    accepted: tuple[str, ...]
    clickhouse: str = ""
    settings: Mapping[str, str | int] = field(default_factory=dict)


JSON: Final = Format("json", "application/json", ("application/json",))
NDJSON: Final = Format(
    "ndjson",
    "application/x-ndjson",
    ("application/x-ndjson", "application/ndjson", "application/jsonl"),
    "LineAsString",
    {"output_format_json_escape_forward_slashes": 0},
)
CSV: Final = Format(
    "csv",
    "text/csv; charset=utf-8; header=present",
    ("text/csv",),
    "CSVWithNames",
    {"output_format_csv_crlf_end_of_line": 1},  # RFC 4180
)
PARQUET: Final = Format(
    "parquet",
    "application/vnd.apache.parquet",
    ("application/vnd.apache.parquet",),
    "Parquet",
    {
        "output_format_parquet_string_as_string": 1,
        "output_format_parquet_compression_method": "zstd",
        # A row group is held until it is full; by default it may have a million rows.
        "output_format_parquet_row_group_size": 100_000,
        "output_format_parquet_row_group_size_bytes": 33_554_432,
    },
)
ARROW: Final = Format(
    "arrow",
    "application/vnd.apache.arrow.stream",
    ("application/vnd.apache.arrow.stream",),
    "ArrowStream",
    {
        "output_format_arrow_string_as_string": 1,
        "output_format_arrow_low_cardinality_as_dictionary": 0,  # the type is a plain string in each format
        "output_format_arrow_compression_method": "zstd",
    },
)
FORMATS: Final[Mapping[str, Format]] = {known.name: known for known in (JSON, NDJSON, CSV, PARQUET, ARROW)}


def named(text: str) -> Format:
    """Of ``format=``; raises ValueError."""
    if text not in FORMATS:
        raise ValueError(f"none of {', '.join(FORMATS)}")
    return FORMATS[text]


@lru_cache(maxsize=64)
def accepted(accept: str | None) -> Format:
    """Of the header Accept (RFC 9110, 12.5.1): the most wanted one, then the one that is named more exactly, then the
    one named first; JSON without a header. Raises a Problem (406)."""
    ranges = weighted.read(accept or "*/*")
    if not ranges:
        return JSON
    wanted = [(judged, known) for known in FORMATS.values() if (judged := _judged(known, ranges))[0] > 0]
    if not wanted:
        listed = ", ".join(known.accepted[0] for known in FORMATS.values())
        raise Problem(406, "not-acceptable", f"None of the media types in Accept can be answered; these can: {listed}.")
    return max(wanted, key=lambda candidate: candidate[0])[1]  # the first of equals


def _exactness(media_range: str) -> int:
    return 2 - media_range.count("*")


def _covers(media_range: str, media_type: str) -> bool:
    kind, _, subtype = media_range.partition("/")
    own_kind, _, own_subtype = media_type.partition("/")
    return kind in {"*", own_kind} and subtype in {"*", own_subtype}


def _judged(known: Format, ranges: list[Weighted]) -> tuple[float, int, int]:
    """Its weight by the most exact range that covers it, how exact that is, and how early it stands."""
    covering = [
        (_exactness(one.value), -place, one.weight)
        for place, one in enumerate(ranges)
        if any(_covers(one.value, media_type) for media_type in known.accepted)
    ]
    exactness, earliness, q = max(covering, default=(0, 0, 0.0))
    return q, exactness, earliness
