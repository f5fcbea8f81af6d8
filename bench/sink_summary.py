"""The figures of the sink's benchmark: as tables, and as one result."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.quantiles import Spread
from bench.report import Paper
from bench.sink_drain import Drain
from bench.sink_quiet import Quiet
from bench.surroundings import Surroundings

GOAL_RATIO_FETCH: Final = 0.8
GOAL_RATIO_ENGINE: Final = 2.5
GOAL_IDLE_PERCENT: Final = 1.0
GOAL_VISIBLE_MS: Final = 2_000

_ENGINES: Final = ("engine x1", "engine x2")
_WORDS: Final = {
    "fetch": "fetch, check (a)",
    "sink": "the sink",
    "two sinks": "two sinks",
    "engine x1": "Kafka engine (b)",
    "engine x2": "… 2 threads (b)",
    "store": "ready blocks (c)",
}


@dataclass(frozen=True)
class Findings:
    """Everything that was measured: the runs by name, and the quiet times."""

    surroundings: Surroundings
    records: int
    runs: Mapping[str, Sequence[Drain]]
    quiet: Quiet

    def spread(self, name: str, figure: Callable[[Drain], float]) -> Spread:
        return Spread.of([figure(run) for run in self.runs[name]])

    def per_s(self, name: str) -> float:
        return self.spread(name, lambda run: run.per_s).median

    @property
    def best_engine(self) -> str:
        """The number of consumers with which ClickHouse's own engine was fastest."""
        return max(_ENGINES, key=self.per_s)

    def ratio(self, name: str) -> Spread:
        """The sink's rate to another's, round by round."""
        pairs = zip(self.runs["sink"], self.runs[name], strict=True)
        return Spread.of([sink.per_s / other.per_s for sink, other in pairs])

    @property
    def others_percent(self) -> float:
        return max(run.others_percent for run in self.runs["sink"])


def result(findings: Findings) -> dict[str, Any]:
    """One flat line of history. Each figure is the median of the rounds, ``spread`` its least and most."""
    ratios = {"ratio_fetch": "fetch", "ratio_kafka_engine": findings.best_engine, "ratio_store": "store"}
    spreads = {key: findings.ratio(name) for key, name in ratios.items()}
    spreads["rows_per_s"] = findings.spread("sink", lambda run: run.per_s)
    spreads["two_rows_per_s"] = findings.spread("two sinks", lambda run: run.per_s)
    spreads["cpu_us_per_row"] = findings.spread("sink", lambda run: run.us("sink"))
    spreads["clickhouse_us_per_row"] = findings.spread("sink", lambda run: run.us("clickhouse"))
    around, quiet = findings.surroundings, findings.quiet
    return {
        "benchmark": "sink",
        "date": around.date,
        "commit": around.commit,
        **{key: _rounded(spread.median) for key, spread in spreads.items()},
        "spread": {key: [_rounded(spread.least), _rounded(spread.most)] for key, spread in spreads.items()},
        "per_s": {name: round(findings.per_s(name)) for name in findings.runs},
        "best_engine": findings.best_engine,
        "records": findings.records,
        "idle_percent": round(quiet.idle_percent, 2),
        "idle_inserts": quiet.idle_inserts,
        "trickle_parts_per_minute": round(quiet.parts_per_minute),
        "trickle_visible_p50_ms": round(quiet.visible_p50_ms),
        "trickle_visible_p99_ms": round(quiet.visible_p99_ms),
        "others_percent": findings.others_percent,
        "changed_settings": around.changed_settings,
        "load_average": round(around.load_average, 2),
        "calibration_ms": around.calibration_ms,
        "machine": around.machine,
    }


def _rounded(figure: float) -> float:
    return round(figure) if figure >= 100 else round(figure, 2)


def show(findings: Findings, paper: Paper) -> None:
    """The tables."""
    paper.heading(
        f"Sink: {findings.records:,} records; rows/s and CPU per row, medians of {len(findings.runs['sink'])} rounds"
    )
    paper.table(
        ("", "rows/s", "least", "most", "Python us", "Kafka us", "ClickHouse us"),
        [_row(findings, name) for name in ("sink", "two sinks", "fetch", "engine x1", "engine x2", "store")],
    )
    rows = [
        ("to fetch and check (a)", findings.ratio("fetch"), f"{GOAL_RATIO_FETCH}"),
        ("to ClickHouse's own Kafka engine (b)", findings.ratio(findings.best_engine), f"{GOAL_RATIO_ENGINE}"),
        ("to the store's limit (c)", findings.ratio("store"), ""),
    ]
    paper.heading("The sink's rate")
    paper.table(
        ("", "ratio", "least", "most", "goal"),
        [(name, *(f"{figure:.2f}" for figure in spread), goal) for name, spread, goal in rows],
    )
    quiet = findings.quiet
    paper.heading("Little to do")
    paper.facts(
        {
            "idle": f"{quiet.idle_percent:.2f} % of a core (goal < {GOAL_IDLE_PERCENT:g}),"
            f" {quiet.idle_inserts} inserts",
            "one action a second": f"{quiet.parts_per_minute:.0f} parts a minute, visible after"
            f" p50 {quiet.visible_p50_ms:.0f} ms, p99 {quiet.visible_p99_ms:.0f} ms (goal < {GOAL_VISIBLE_MS})",
            "others": f"{findings.others_percent:g} % of the cores at most",
        }
    )


def _row(findings: Findings, name: str) -> tuple[str, ...]:
    per_s = findings.spread(name, lambda run: run.per_s)
    python = {"fetch": "fetch", "store": "store"}.get(name, "sink")
    cpu = [Spread.of([run.us(key) for run in findings.runs[name]]).median for key in (python, "kafka", "clickhouse")]
    return (_WORDS[name], *(f"{figure:,.0f}" for figure in per_s), *(f"{us:.1f}" if us else "" for us in cpu))
