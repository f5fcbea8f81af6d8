"""The figures of the ingest benchmark: as tables, and as one result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.ingest_rounds import Round
from bench.ingest_soak import Soak
from bench.quantiles import Spread
from bench.report import Paper
from bench.surroundings import Surroundings

GOAL_RATIO_NULL_3: Final = 1.2
GOAL_RATIO_KAFKA_100: Final = 0.45
GOAL_GROWTH_MB: Final = 5.0
_NULL_SIZE: Final = 3


@dataclass(frozen=True, kw_only=True)
class IngestSurroundings(Surroundings):
    """And the versions of what was used."""

    kafka: str
    generator: str


@dataclass(frozen=True)
class Findings:
    """Everything that was measured.

    accepted, stored  actions of all runs, as the generator counted them and as records on the topic
    """

    surroundings: IngestSurroundings
    rounds: Sequence[Round]
    soak: Soak
    accepted: int
    stored: int

    @property
    def counts_agree(self) -> bool:
        """More may be stored: requests whose answers the generator did not wait for when its time was up."""
        return self.stored >= self.accepted

    @property
    def sizes(self) -> list[int]:
        return sorted({one.actions for one in self.rounds})

    @property
    def bare_size(self) -> int:
        """Actions a request at which the route was compared with bare Kafka."""
        return next(one.actions for one in self.rounds if one.bare)

    @property
    def others_percent(self) -> float:
        """Median over all runs of the route."""
        return round(Spread.of([one.route.others_percent for one in self.rounds]).median, 1)

    @property
    def disturbed_rounds(self) -> int:
        """Rounds that stayed disturbed however often they were repeated."""
        return sum(one.is_disturbed for one in self.rounds)

    def spread(self, size: int, figure: Callable[[Round], float]) -> Spread:
        """Of one figure over the rounds of one size."""
        return Spread.of([figure(one) for one in self.rounds if one.actions == size])


def result(findings: Findings) -> dict[str, Any]:
    """One flat line of history. Each figure is the median of the rounds, ``spread`` its least and most."""
    around, size = findings.surroundings, findings.bare_size
    spreads = {
        "ratio_null_3": findings.spread(_NULL_SIZE, lambda one: one.ratio_null),
        "ratio_kafka_100": findings.spread(size, lambda one: one.ratio_bare("appended")),
        "ratio_kafka_prebuilt_100": findings.spread(size, lambda one: one.ratio_bare("prebuilt")),
        "cpu_us_per_action_100": findings.spread(size, lambda one: one.server_us_per_action),
        "p99_ms_3": findings.spread(_NULL_SIZE, lambda one: one.route.load.p99_ms),
    }
    return {
        "benchmark": "ingest",
        "date": around.date,
        "commit": around.commit,
        **{name: round(spread.median, 2) for name, spread in spreads.items()},
        "rss_growth_mb": round(findings.soak.growth_mb, 1),
        "spread": {name: [round(spread.least, 2), round(spread.most, 2)] for name, spread in spreads.items()},
        "requests_per_s": _by_size(findings, lambda one: one.route.per_s),
        "actions_per_s": _by_size(findings, lambda one: one.route.per_s * one.actions),
        "null_requests_per_s": _by_size(findings, lambda one: one.null.per_s),
        "p50_ms": _by_size(findings, lambda one: one.route.load.p50_ms, 1),
        "p99_ms": _by_size(findings, lambda one: one.route.load.p99_ms, 1),
        "cpu_us_per_action": _by_size(findings, lambda one: one.server_us_per_action, 1),
        "bare_records_per_s": {
            name: round(findings.spread(size, lambda one, name=name: one.bare[name].per_s).median)  # type: ignore[misc]
            for name in ("appended", "prebuilt")
        },
        "rss_mb": [round(findings.soak.first_mb, 1), round(findings.soak.last_mb, 1)],
        "soak_s": round(findings.soak.load.seconds),
        "accepted": findings.accepted,
        "stored": findings.stored,
        "generator": around.generator,
        "changed_settings": around.changed_settings,
        "load_average": round(around.load_average, 2),
        "calibration_ms": around.calibration_ms,
        "others_percent": findings.others_percent,
        "disturbed_rounds": findings.disturbed_rounds,
        "machine": {**around.machine, "kafka": around.kafka},
    }


def _by_size(findings: Findings, figure: Callable[[Round], float], digits: int | None = None) -> dict[str, float]:
    return {str(size): round(findings.spread(size, figure).median, digits) for size in findings.sizes}


def show(findings: Findings, paper: Paper) -> None:
    """Print the tables."""
    _show_surroundings(findings.surroundings, paper)
    _show_route(findings, paper)
    _show_bare(findings, paper)
    _show_cpu(findings, paper)
    soak = findings.soak
    paper.heading("Memory of the producer")
    paper.note(
        f"{soak.first_mb:.1f} MiB at the start and {soak.last_mb:.1f} MiB at the end of {soak.load.seconds:.0f} s"
        f" under {soak.load.per_s:,.0f} requests/s: {soak.growth_mb:+.1f} MiB (goal: flat, at most"
        f" +{GOAL_GROWTH_MB:g})."
    )
    verdict = "none is missing" if findings.counts_agree else "SOME ARE MISSING"
    paper.note(f"\n{findings.accepted:,} actions were accepted, {findings.stored:,} are on the topic: {verdict}.")


def _show_surroundings(around: IngestSurroundings, paper: Paper) -> None:
    paper.heading("Machine")
    facts = around.machine
    before, after = around.calibration_ms
    paper.facts(
        {
            "cores": f"{facts['cores']} ({facts['cpu']}), shared by the producer, Kafka and {around.generator}",
            "memory": f"{facts['memory_gib']} GiB, data on {facts['data_filesystem']}",
            "versions": f"Kafka {around.kafka}, Python {facts['python']}, {facts['system']}",
            "commit": f"{around.commit}, {around.date}",
            "settings": ", ".join(f"{k}={v}" for k, v in around.changed_settings.items()) or "defaults",
            "speed": f"a fixed piece of work took {before:g} ms before, {after:g} ms after;"
            f" load average before {around.load_average:.2f}",
        }
    )


def _show_route(findings: Findings, paper: Paper) -> None:
    paper.heading("POST /log, one process, against a FastAPI endpoint that only reads the body")
    columns: dict[str, tuple[Callable[[Round], float], str]] = {
        "requests/s": (lambda one: one.route.per_s, ",.0f"),
        "actions/s": (lambda one: one.route.per_s * one.actions, ",.0f"),
        "p50 ms": (lambda one: one.route.load.p50_ms, ".1f"),
        "p99 ms": (lambda one: one.route.load.p99_ms, ".1f"),
        "empty/s": (lambda one: one.null.per_s, ",.0f"),
        "ratio": (lambda one: one.ratio_null, ".2f"),
    }
    rows = []
    for size in findings.sizes:
        figures = (format(findings.spread(size, figure).median, form) for figure, form in columns.values())
        goal = f"≥ {GOAL_RATIO_NULL_3}" if size == _NULL_SIZE else ""
        rows.append((size, *figures, _range(findings.spread(size, lambda one: one.ratio_null)), goal))
    paper.table(("actions", *columns, "spread", "goal"), rows)
    paper.note(
        f"actions: of one request. Medians of {len(findings.rounds) // len(findings.sizes)} rounds. The loop is closed:"
        " its latencies compare variants, no more."
    )


def _show_bare(findings: Findings, paper: Paper) -> None:
    paper.heading(f"Against bare Kafka, at {findings.bare_size} actions a request")
    rows = [
        ("filled in the loop", *_bare_figures(findings, "appended"), f"≥ {GOAL_RATIO_KAFKA_100}"),
        ("filled before", *_bare_figures(findings, "prebuilt"), ""),
    ]
    paper.table(("batches", "records/s", "µs each", "ratio", "spread", "goal"), rows)


def _bare_figures(findings: Findings, name: str) -> tuple[str, ...]:
    def spread(figure: Callable[[Round], float]) -> Spread:
        return findings.spread(findings.bare_size, figure)

    ratio = spread(lambda one: one.ratio_bare(name))
    per_s, cpu_us = spread(lambda one: one.bare[name].per_s), spread(lambda one: one.bare[name].cpu_us)
    return f"{per_s.median:,.0f}", f"{cpu_us.median:.2f}", f"{ratio.median:.2f}", _range(ratio)


def _show_cpu(findings: Findings, paper: Paper) -> None:
    paper.heading("CPU (µs per request)")
    parts: dict[str, Callable[[Round], float]] = {
        "producer": lambda one: one.route.server_us,
        "Kafka": lambda one: one.route.kafka_us,
        "generator": lambda one: one.route.generator_us,
        "empty route": lambda one: one.null.server_us,
        "producer, per action": lambda one: one.server_us_per_action,
    }
    rows = [
        (name, *(f"{findings.spread(size, figure).median:,.1f}" for size in findings.sizes))
        for name, figure in parts.items()
    ]
    paper.table(("actions", *map(str, findings.sizes)), rows)
    paper.note(
        f"Other processes and the kernel took {findings.others_percent:.0f} % of the cores (median);"
        f" {findings.disturbed_rounds} of {len(findings.rounds)} rounds were disturbed by them."
    )


def _range(spread: Spread) -> str:
    return f"{spread.least:.2f}-{spread.most:.2f}"
