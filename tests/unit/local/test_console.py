"""What a person is told, word for word."""

import io
from pathlib import Path

from rich.console import Console

from deploy.local.console import Terminal
from deploy.local.process import Process, Spec


async def _never() -> bool:
    return False


def test_a_log_s_path_is_shown_as_it_is(tmp_path: Path) -> None:
    log = tmp_path / "my [red] data" / "kafka.log"
    spec = Spec("kafka", ["true"], log, 9092, "127.0.0.1:9092", _never)
    out = io.StringIO()
    process = Process(spec, start_timeout_s=1, stop_timeout_s=1, log_max_bytes=10_000)
    Terminal(Console(file=out, highlight=False, soft_wrap=True)).died(process, "exit code 1")
    assert str(log) in out.getvalue()
