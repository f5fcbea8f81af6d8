"""``python -m bench.query``: what GET /log costs on millions of actions, beside the same SQL straight to ClickHouse."""

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from bench import command, query_cases, query_exports, query_rounds, query_servers, stack
from bench.cpu import CpuMeter
from bench.query_exports import CutShortError, Export
from bench.query_http import Kept, RefusedError
from bench.query_servers import ClickHouse, Server
from bench.query_summary import Findings, Table, result, show
from bench.report import Paper
from bench.surroundings import Before, Surroundings

_ROWS: Final = 20_000_000
_EXPORT_ROWS: Final = 5_000_000
_QUICK_ROWS: Final = 2_000_000
_QUICK_EXPORT_ROWS: Final = 200_000
_EXPORT_ROUNDS: Final = 3


def main(arguments: Sequence[str]) -> int:
    """Run it. Returns the exit code: 1 when an answer was wrong or a process failed."""
    options = _parser().parse_args(arguments)
    keep = not (options.quick or options.no_history)
    failures = (RefusedError, CutShortError)
    return command.run("query", lambda paper: _run(options, paper), show, result, keep=keep, failures=failures)


def _parser() -> argparse.ArgumentParser:
    parser = command.parser("query", __doc__, "few rounds, of a small set: shows that it works")
    parser.add_argument("--rows", type=int, help=f"actions of the set, {_ROWS:,} by default; it is kept below TMPDIR")
    parser.add_argument("--export-rows", type=int, help=f"actions of one export, {_EXPORT_ROWS:,} by default")
    return parser


def _run(options: argparse.Namespace, paper: Paper) -> Findings:
    stack.fetch_components()
    before = Before.now()
    rows = options.rows or (_QUICK_ROWS if options.quick else _ROWS)
    folder = query_servers.folder_for(rows)
    paper.note(f"The actions are kept in {folder}")
    with query_servers.clickhouse(folder, rows, paper) as engine:
        table = _table(engine)
        with query_servers.query_api(engine, folder) as server:
            cpu = CpuMeter({"query_api": server.pid, "clickhouse": engine.server.pid})
            export_rows = options.export_rows or (_QUICK_EXPORT_ROWS if options.quick else _EXPORT_ROWS)
            timed, exports, missing = _measured(
                engine, server, rows, paper, export_rows=min(rows, export_rows), quick=options.quick
            )
            others_percent = cpu.others_percent()
    return Findings(Surroundings.of(folder, before), table, timed, exports, missing, others_percent)


def _measured(
    engine: ClickHouse, server: Server, rows: int, paper: Paper, *, export_rows: int, quick: bool
) -> tuple[list[query_rounds.Timed], list[Export], dict[str, str]]:
    api, reader = Kept(server.address), engine.connection()
    cases, missing = query_cases.all_cases(api, reader)
    paper.note(f"Asking {len(cases)} kinds of questions")
    timed = query_rounds.measure(cases, api, reader, missing, scale=0.1 if quick else 1.0)
    if not any(one.case.pruned for one in timed):
        raise RefusedError(f"no page was answered: {missing}")
    exports: list[Export] = []
    try:
        exports = query_exports.measure(
            server,
            api,
            reader,
            rows=export_rows,
            of_rows=rows,
            rounds=1 if quick else _EXPORT_ROUNDS,
        )
    except RefusedError as error:
        missing["exports"] = str(error)
    return timed, exports, missing


def _table(engine: ClickHouse) -> Table:
    reader = engine.connection("admin")
    text = reader.text(
        "SELECT sum(rows), count(), sum(bytes_on_disk) / sum(rows) FROM system.parts"
        " WHERE active AND database = currentDatabase() AND table = 'actions'"
    )
    reader.close()
    rows, parts, bytes_per_row = text.split("\t")
    return Table(int(rows), int(parts), float(bytes_per_row))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
