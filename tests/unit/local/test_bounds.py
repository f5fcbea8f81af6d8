"""Restarts and logs are bounded."""

from pathlib import Path

from deploy.local import logfile
from deploy.local.process import describe_exit
from deploy.local.supervisor import Deaths


def test_one_death_more_than_the_limit_within_the_window_is_too_many() -> None:
    deaths = Deaths(limit=3, window_s=60)
    assert [deaths.too_many(now) for now in (0, 1, 2, 3)] == [False, False, False, True]


def test_deaths_outside_the_window_are_forgiven() -> None:
    deaths = Deaths(limit=2, window_s=60)
    assert [deaths.too_many(now) for now in (0, 50, 100, 150, 200)] == [False] * 5


def test_a_limit_of_zero_allows_no_death() -> None:
    assert Deaths(limit=0, window_s=60).too_many(5)


def test_a_log_at_its_limit_is_moved_aside_while_its_writer_keeps_it_open(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"a" * 100)
        logfile.bound(log, 100)
        writer.write(b"later\n")
    assert log.read_bytes() == b"later\n"
    assert (tmp_path / "x.log.1").read_bytes() == b"a" * 100


def test_the_end_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("".join(f"line {n}\n" for n in range(100_000)))
    assert logfile.tail(log, 3) == ["line 99997", "line 99998", "line 99999"]
    assert logfile.tail(tmp_path / "missing.log", 3) == []


def test_the_end_of_a_log_leaves_out_what_an_earlier_life_wrote(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("before\n")
    began = logfile.size(log)
    with log.open("a") as writer:
        writer.write("after\n")
    assert logfile.tail(log, 20, began) == ["after"]
    assert logfile.tail(log, 20, 10_000) == ["before", "after"]


def test_an_exit_is_described_by_code_or_by_the_signals_name() -> None:
    assert describe_exit(3) == "exit code 3"
    assert describe_exit(-6) == "signal SIGABRT"
