"""Exports of millions of actions, by the API and straight from ClickHouse, and the API's memory meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import psutil

from bench import query_cases, query_data
from bench.query_http import Kept, Taken
from bench.query_servers import Server

FORMATS: Final = {"ndjson": "LineAsString", "parquet": "Parquet"}  # as the API has ClickHouse write them
_PARQUET_END: Final = b"PAR1"
_SUMMARY: Final = b'"complete":true'
_MIB: Final = 1 << 20


class CutShortError(Exception):
    """An export that has fewer actions than it should, or no proper end."""


@dataclass(frozen=True)
class Export:
    """One export of ``rows`` actions: what the API took, what ClickHouse took, and the API's memory in MiB."""

    fmt: str
    rows: int
    api: Taken
    direct: Taken
    before_mib: float
    most_mib: float

    @property
    def ratio(self) -> float:
        """The API's rate to the direct one."""
        return self.direct.seconds / self.api.seconds

    @property
    def api_rows_per_s(self) -> float:
        return self.rows / self.api.seconds

    @property
    def grown_mib(self) -> float:
        return self.most_mib - self.before_mib


class Memory:
    """A process's resident memory: before, and the most that was seen since."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.before_mib = self.most_mib = self._now_mib()

    def look(self) -> None:
        self.most_mib = max(self.most_mib, self._now_mib())

    def _now_mib(self) -> float:
        return float(self._process.memory_info().rss / _MIB)


def measure(server: Server, api: Kept, reader: Kept, *, rows: int, of_rows: int, rounds: int) -> list[Export]:
    """About ``rows`` of the set's ``of_rows`` actions in each format, so many times, by turns.

    Raises RefusedError (no such format), CutShortError, OSError.
    """
    days = query_data.DAYS * rows / of_rows
    expected = _expected(reader, days)
    return [
        _export(server, api, reader, fmt, days, expected, api_first=n % 2 == 0)
        for n in range(rounds)
        for fmt in (FORMATS if n % 2 == 0 else reversed(FORMATS))
    ]


def of_format(exports: Sequence[Export], fmt: str) -> list[Export]:
    return [export for export in exports if export.fmt == fmt]


def _export(
    server: Server, api: Kept, reader: Kept, fmt: str, days: float, expected: int, *, api_first: bool
) -> Export:
    path = query_cases.export_path(fmt, days)
    sql = query_cases.described(api, path, FORMATS[fmt])
    memory = Memory(server.pid)
    if api_first:
        taken, direct = api.take(path, memory.look), reader.take_sql(sql)
    else:
        direct, taken = reader.take_sql(sql), api.take(path, memory.look)
    for one in (taken, direct):
        _check(one, fmt, expected)
    return Export(fmt, expected, taken, direct, memory.before_mib, memory.most_mib)


def _check(taken: Taken, fmt: str, expected: int) -> None:
    if fmt == "parquet" and not taken.tail.endswith(_PARQUET_END):
        raise CutShortError(f"the Parquet file ends with {taken.tail[-40:]!r}")
    if fmt == "ndjson" and (actions := actions_in(taken)) != expected:
        raise CutShortError(f"{actions:,} lines of {expected:,} actions, ending {taken.tail[-200:]!r}")


def actions_in(taken: Taken) -> int:
    """The lines of an answer in NDJSON, without the API's own last one, which says how many there were."""
    return taken.lines - (_SUMMARY in taken.tail.rstrip(b"\n").rpartition(b"\n")[2])


def _expected(reader: Kept, days: float) -> int:
    start_us = query_data.END_US - round(days * query_data.DAY_US)
    return int(
        reader.text(
            "SELECT count() FROM actions FINAL WHERE time >= fromUnixTimestamp64Micro({start:Int64}, 'UTC')"
            " AND hour >= intDiv({start:Int64}, 3600000000)",
            {"start": start_us},
        )
    )
