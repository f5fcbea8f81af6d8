"""The figures of the query benchmark: as tables, and as one result."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench import query_exports
from bench.query_exports import Export
from bench.query_rounds import Timed
from bench.report import Paper
from bench.surroundings import Surroundings

GOAL_OVERHEAD_RATIO: Final = 1.25
GOAL_OVERHEAD_MS: Final = 3.0
GOAL_EXPORT_RATIO: Final = 0.8
GOAL_PAGE_P95_MS: Final = 100
GOAL_COUNTS_7D_MS: Final = 300
GOAL_GROWN_MIB: Final = 64  # what a client's and an allocator's buffers may take; an export is a thousand of it
_ROUNDING_MS: Final = 0.001
_PERCENTILES: Final = (50, 95, 99)
COUNTS_7D: Final = "hour x type 7 d"


@dataclass(frozen=True)
class Table:
    """The table that was read."""

    rows: int
    parts: int
    bytes_per_row: float


@dataclass(frozen=True)
class Findings:
    """Everything that was measured; ``missing`` says why a case or an export was not."""

    surroundings: Surroundings
    table: Table
    timed: Sequence[Timed]
    exports: Sequence[Export]
    missing: Mapping[str, str]
    others_percent: float

    @property
    def pages(self) -> list[Timed]:
        """Those that the table's key bounds."""
        return [timed for timed in self.timed if timed.case.pruned]

    @property
    def worst_overhead(self) -> Timed:
        """The page that is furthest beyond what it may take, or nearest to it."""
        return max(self.pages, key=_beyond_ms)

    @property
    def overhead_reached(self) -> bool:
        """The larger of the two allowances, for every page."""
        return _beyond_ms(self.worst_overhead) <= _ROUNDING_MS

    @property
    def page_p95_ms(self) -> float:
        """Of the slowest kind of page."""
        return max(timed.api_ms(95) for timed in self.pages)

    @property
    def counts_7d_ms(self) -> float | None:
        """The API's median."""
        return next((timed.api_ms(50) for timed in self.timed if timed.case.name == COUNTS_7D), None)

    @property
    def export_ratios(self) -> dict[str, float]:
        """By format, medians of the rounds."""
        found = {fmt: query_exports.of_format(self.exports, fmt) for fmt in query_exports.FORMATS}
        return {fmt: statistics.median(e.ratio for e in exports) for fmt, exports in found.items() if exports}

    @property
    def grown_mib(self) -> float | None:
        """By which an export has made the API's memory grow, after the first of each format has warmed it up."""
        later = [export for fmt in query_exports.FORMATS for export in query_exports.of_format(self.exports, fmt)[1:]]
        return max((export.grown_mib for export in later or self.exports), default=None)


def _beyond_ms(timed: Timed) -> float:
    """The API's median over the longest that it may be."""
    return timed.extra_ms - max(GOAL_OVERHEAD_MS, (GOAL_OVERHEAD_RATIO - 1) * timed.direct_ms(50))


def result(findings: Findings) -> dict[str, Any]:
    """One flat line of history."""
    around, table, worst = findings.surroundings, findings.table, findings.worst_overhead
    ratios, grown_mib, counts_ms = findings.export_ratios, findings.grown_mib, findings.counts_7d_ms
    return {
        "benchmark": "query",
        "date": around.date,
        "commit": around.commit,
        "rows": table.rows,
        "overhead_page_p50": round(worst.ratio, 2),
        "overhead_page_p50_ms": round(worst.extra_ms, 2),
        "overhead_reached": findings.overhead_reached,
        "page_p95_ms": _rounded(findings.page_p95_ms),
        "counts_7d_ms": None if counts_ms is None else _rounded(counts_ms),
        "ratio_export": round(min(ratios.values()), 2) if ratios else None,
        "ratio_export_by_format": {fmt: round(ratio, 2) for fmt, ratio in ratios.items()},
        "export_grown_mib": None if grown_mib is None else round(grown_mib, 1),
        "bytes_per_row": round(table.bytes_per_row, 1),
        "api_ms": {t.case.name: [_rounded(t.api_ms(percent)) for percent in (50, 95, 99)] for t in findings.timed},
        "direct_ms": {
            t.case.name: [_rounded(t.direct_ms(percent)) for percent in (50, 95, 99)] for t in findings.timed
        },
        "missing": sorted(findings.missing),
        "parts": table.parts,
        "others_percent": findings.others_percent,
        "changed_settings": around.changed_settings,
        "load_average": round(around.load_average, 2),
        "calibration_ms": around.calibration_ms,
        "machine": around.machine,
    }


def show(findings: Findings, paper: Paper) -> None:
    """The tables."""
    table = findings.table
    paper.heading(f"Queries: {table.rows:,} rows in {table.parts} parts, {table.bytes_per_row:.1f} bytes a row")
    paper.table(
        ("ms", "API p50", "p95", "p99", "SQL p50", "p95", "p99", "ratio", "more"),
        [_row(timed) for timed in findings.timed],
    )
    if findings.exports:
        paper.heading(f"Exports: {findings.exports[0].rows:,} actions")
        paper.table(
            ("", "API s", "rows/s", "MB", "SQL s", "MB", "ratio", "MiB", "most"),
            [_export_row(export) for export in findings.exports],
        )
    paper.heading("Goals")
    paper.facts(_goals(findings))
    for name, reason in findings.missing.items():
        paper.note(f"  not measured: {name}: {reason}")


def _goals(findings: Findings) -> dict[str, str]:
    worst, counts_ms, grown_mib = findings.worst_overhead, findings.counts_7d_ms, findings.grown_mib
    ratios = ", ".join(f"{fmt} {ratio:.2f}" for fmt, ratio in findings.export_ratios.items())
    goal = f"goal <= {GOAL_OVERHEAD_RATIO} or {GOAL_OVERHEAD_MS:g} ms"
    return {
        "overhead of a page": f"{worst.ratio:.2f}, {worst.extra_ms:.1f} ms for {worst.case.name!r} ({goal})",
        "page p95": f"{findings.page_p95_ms:.0f} ms (goal <= {GOAL_PAGE_P95_MS})",
        "counts of 7 days": "-" if counts_ms is None else f"{counts_ms:.0f} ms (goal <= {GOAL_COUNTS_7D_MS})",
        "export to direct": f"{ratios or '-'} (goal >= {GOAL_EXPORT_RATIO})",
        "memory of an export": "-" if grown_mib is None else f"{grown_mib:+.0f} MiB (goal <= {GOAL_GROWN_MIB})",
        "others": f"{findings.others_percent:g} % of the cores",
    }


def _row(timed: Timed) -> tuple[str, ...]:
    api = [_shown(timed.api_ms(percent)) for percent in _PERCENTILES]
    direct = [_shown(timed.direct_ms(percent)) for percent in _PERCENTILES]
    return (timed.case.name, *api, *direct, f"{timed.ratio:.2f}", _shown(timed.extra_ms))


def _export_row(export: Export) -> tuple[str, ...]:
    return (
        export.fmt,
        f"{export.api.seconds:.1f}",
        f"{export.api_rows_per_s:,.0f}",
        f"{export.api.length / 1e6:,.0f}",
        f"{export.direct.seconds:.1f}",
        f"{export.direct.length / 1e6:,.0f}",
        f"{export.ratio:.2f}",
        f"{export.before_mib:.0f}",
        f"{export.most_mib:.0f}",
    )


def _rounded(figure: float) -> float:
    return round(figure) if figure >= 100 else round(figure, 1)


def _shown(ms: float) -> str:
    return f"{ms:,.0f}" if abs(ms) >= 100 else f"{ms:.1f}"
