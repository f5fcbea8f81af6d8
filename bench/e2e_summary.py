"""The figures of the end-to-end benchmark: as tables, and as one result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.cpu import GENERATOR
from bench.freshness import FreshnessRun
from bench.quantiles import Spread, percentile
from bench.report import Paper
from bench.surroundings import Surroundings
from bench.throughput import ThroughputRun

GOAL_P50_MS: Final = 500
GOAL_P99_MS: Final = 1_500
_PROCESSES: Final = ("producer_api", "kafka", "consumer", "clickhouse", "query_api", GENERATOR)


@dataclass(frozen=True, kw_only=True)
class StackSurroundings(Surroundings):
    """And the versions of what was used."""

    kafka: str
    clickhouse: str


@dataclass(frozen=True)
class Findings:
    """Everything that was measured. ``accepted`` and ``stored``: actions of all phases together."""

    surroundings: StackSurroundings
    quiet: FreshnessRun
    runs: Sequence[FreshnessRun]
    loaded: ThroughputRun | None
    accepted: int
    stored: int

    @property
    def counts_agree(self) -> bool:
        return self.accepted == self.stored

    def spread(self, figure: Callable[[FreshnessRun], float]) -> Spread:
        """Of one figure over the freshness runs."""
        return Spread.of([figure(run) for run in self.runs])


_FIGURES: Final[dict[str, Callable[[FreshnessRun], float]]] = {
    "ack_p50_ms": lambda run: run.ack(50),
    "ack_p99_ms": lambda run: run.ack(99),
    "visible_p50_ms": lambda run: run.visible(50),
    "visible_p99_ms": lambda run: run.visible(99),
}


def result(findings: Findings) -> dict[str, Any]:
    """One flat line of history. Latencies are medians of the runs, ``spread_ms`` their least and most."""
    spreads = {name: findings.spread(figure) for name, figure in _FIGURES.items()}
    loaded, around = findings.loaded, findings.surroundings
    return {
        "benchmark": "e2e",
        "date": around.date,
        "commit": around.commit,
        **{name: round(spread.median, 1) for name, spread in spreads.items()},
        "spread_ms": {name: [round(spread.least, 1), round(spread.most, 1)] for name, spread in spreads.items()},
        "poll_gap_ms": round(findings.spread(_poll_gap_ms).median, 1),
        "accepted_per_s": round(loaded.accepted_per_s) if loaded else None,
        "stored_per_s": round(loaded.stored_per_s) if loaded else None,
        "cpu_us_per_action": loaded.cpu_us_per_action if loaded else None,
        "cpu_us_per_action_at_1000_per_s": findings.quiet.cpu_us_per_action,
        "accepted": findings.accepted,
        "stored": findings.stored,
        "changed_settings": around.changed_settings,
        "calibration_ms": around.calibration_ms,
        "others_percent": findings.spread(_others_percent).median,
        "others_percent_at_full_load": loaded.others_percent if loaded else None,
        "machine": {**around.machine, "kafka": around.kafka, "clickhouse": around.clickhouse},
    }


def show(findings: Findings, paper: Paper) -> None:
    """Print the tables."""
    _show_surroundings(findings.surroundings, paper)
    _show_freshness(findings, paper)
    if findings.loaded is not None:
        _show_throughput(findings.loaded, paper)
    _show_cpu(findings, paper)
    verdict = "as many as were accepted" if findings.counts_agree else f"BUT {findings.accepted:,} were accepted"
    paper.note(f"\n{findings.stored:,} rows are stored (counted without FINAL), {verdict}.")


def _show_surroundings(around: StackSurroundings, paper: Paper) -> None:
    paper.heading("Machine")
    facts = around.machine
    before, after = around.calibration_ms
    paper.facts(
        {
            "cores": f"{facts['cores']} ({facts['cpu']}), shared by the stack and the load generator",
            "memory": f"{facts['memory_gib']} GiB, data on {facts['data_filesystem']}",
            "versions": f"Kafka {around.kafka}, ClickHouse {around.clickhouse}, Python {facts['python']},"
            f" {facts['system']}",
            "commit": f"{around.commit}, {around.date}",
            "settings": ", ".join(f"{k}={v}" for k, v in around.changed_settings.items()) or "defaults",
            "speed": f"a fixed piece of work took {before:g} ms before, {after:g} ms after",
        }
    )


def _show_freshness(findings: Findings, paper: Paper) -> None:
    paper.heading("Freshness at 1,000 actions/s (ms)")
    names = {"ack_p50_ms": "", "ack_p99_ms": "", "visible_p50_ms": f"≤ {GOAL_P50_MS}"}
    goals = names | {"visible_p99_ms": f"≤ {GOAL_P99_MS:,}"}
    rows = []
    for name, goal in goals.items():
        spread = findings.spread(_FIGURES[name])
        words = {"ack": "sent to acknowledged", "visible": "acknowledged to visible"}
        label = f"{words[name.partition('_')[0]]}, {name.split('_')[1]}"
        rows.append((label, f"{spread.median:.1f}", f"{spread.least:.1f}-{spread.most:.1f}", goal))
    paper.table(("", f"median of {len(findings.runs)}", "spread", "goal"), rows)
    paper.note(_freshness_note(findings))


def _freshness_note(findings: Findings) -> str:
    runs = findings.runs
    late_ms = max(run.latest_start_ms for run in (*runs, findings.quiet))
    polls = sum(len(run.poll_gaps_ms) + len(run.visible_ms) for run in runs)
    return (
        f"{sum(len(run.visible_ms) for run in runs)} requests followed ({sum(run.skipped for run in runs)} skipped),"
        f" seen to within {findings.spread(_poll_gap_ms).median:.0f} ms (median between two polls);"
        f" {polls:,} polls, {sum(run.busy_polls for run in runs)} turned away; latest start {late_ms:.0f} ms late."
    )


def _show_throughput(loaded: ThroughputRun, paper: Paper) -> None:
    paper.heading("Throughput (actions/s)")
    rows = [
        ("accepted", f"{loaded.accepted_per_s:,.0f}", f"{loaded.accepted:,} in {loaded.sending_s:.1f} s"),
        ("stored", f"{loaded.stored_per_s:,.0f}", f"{loaded.stored:,} in {loaded.storing_s:.1f} s"),
    ]
    paper.table(("", "per second", "actions"), rows)
    if loaded.refused_requests:
        paper.note(f"{loaded.refused_requests} requests were refused.")


def _show_cpu(findings: Findings, paper: Paper) -> None:
    paper.heading("CPU (µs per action)")
    columns = ["", "1,000/s", "1,000/s, polled"]
    spent = [findings.quiet.cpu_us_per_action, findings.runs[-1].cpu_us_per_action]
    if findings.loaded is not None:
        columns.append("at full load")
        spent.append(findings.loaded.cpu_us_per_action)
    rows = [[name, *(f"{phase[name]:,.1f}" for phase in spent)] for name in _PROCESSES]
    paper.table(columns, rows)
    others = [findings.quiet.others_percent, findings.spread(_others_percent).most]
    others += [findings.loaded.others_percent] if findings.loaded else []
    paper.note(
        f"Other processes and the kernel took {', '.join(f'{percent:.0f}' for percent in others)} % of the cores."
    )


def _poll_gap_ms(run: FreshnessRun) -> float:
    return percentile(run.poll_gaps_ms, 50)


def _others_percent(run: FreshnessRun) -> float:
    return run.others_percent
