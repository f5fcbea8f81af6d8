"""``python -m deploy.demo`` beside a running stack: the past, the present, what is refused, what is put aside."""

import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from deploy.local.settings import CHECKOUT
from tests.integration.consumer import sinks
from tests.namespace import Namespace
from tests.stack import StartService
from tests.waiting import wait_until

_WORDS = [sys.executable, "-m", "deploy.demo"]
NOWHERE = "http://127.0.0.1:1"  # so that whatever runs at the usual port is not asked
_PAST_IS_SENT = re.compile(r"The past is sent\. ([\d,]+) actions accepted")
_REACHES_BACK_S = "SELECT dateDiff('second', min(time), min(received_at)) FROM {db}.actions"


@contextlib.contextmanager
def demo(arguments: Sequence[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The demo as a person starts it; killed when the test does not end it."""
    with (
        log.open("wb") as output,
        subprocess.Popen([*_WORDS, *arguments], cwd=CHECKOUT, stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def said_in(log: Path, words: re.Pattern[str], timeout_s: float) -> int:
    """The number in these words, once the demo has said them."""
    wait_until(lambda: words.search(log.read_text()) is not None, timeout_s, f"the demo says {words.pattern}")
    found = words.search(log.read_text())
    assert found is not None
    return int(found[1].replace(",", ""))


@pytest.mark.timeout(600)
def test_a_newcomer_sees_the_past_and_the_present_refusals_and_dead_letters(
    namespace: Namespace, start_service: StartService, tmp_path: Path
) -> None:
    producer = start_service("producer_api")
    sinks.start(start_service)
    log = tmp_path / "demo.log"
    where = ["--producer", producer.url, "--kafka", namespace.infra.kafka_bootstrap, "--topic", namespace.topic]
    where += ["--query", NOWHERE]
    with demo([*where, "--rate", "40", "--hours", "0.1", "--seed", "1"], log) as process:

        def at_least(count: int, sql: str) -> Callable[[], bool]:
            return lambda: int(namespace.query(sql)) >= count

        # How many they are goes with the hour of the day; the newest are sent first.
        sent = said_in(log, _PAST_IS_SENT, 120)
        wait_until(at_least(sent, "SELECT count() FROM {db}.actions"), 120, "as many as the past had are stored")
        # 0.1 hours; the first visitor comes a little after their beginning. Of the rows some are of the present: the
        # oldest may come still.
        wait_until(at_least(240, _REACHES_BACK_S), 60, "the past reaches back to its beginning")
        assert int(namespace.query(_REACHES_BACK_S)) <= 420
        wait_until(at_least(3, "SELECT count() FROM {db}.dead_letters"), 60, "the stray records are put aside")
        since = "SELECT count() FROM {db}.actions WHERE received_at > time - 5 AND received_at < time + 5"
        wait_until(at_least(100, since), 60, "actions of the present come")
        # One of 250 is wrong, of the 20 a second of the quietest hour: every 12 s one, by chance.
        wait_until(
            lambda: sinks.metric(producer, "actionlog_producer_rejected_actions_total") > 0, 240, "some are refused"
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    said = log.read_text()
    assert said.count("\n") >= 4
    assert said.startswith("Sends the actions of a made-up shop's visitors: of the last 0.1 hours at once")
    assert "\nLook: http://127.0.0.1:" in said
    assert "Three records that are no actions are on the topic" in said
    assert "\nStopped. " in said
    types = namespace.query("SELECT uniqExact(type) FROM {db}.actions")
    assert int(types) >= 7
    assert namespace.query("SELECT count() - uniqExact(event_id) FROM {db}.actions") == "0"


def test_where_nothing_listens_it_says_so_and_ends(free_port: Callable[[], int], tmp_path: Path) -> None:
    with demo(["--producer", f"http://127.0.0.1:{free_port()}"], tmp_path / "log") as process:
        assert process.wait(60) == 1
    last = (tmp_path / "log").read_text().splitlines()[-1]
    assert last.startswith("Nothing listens at http://127.0.0.1:")
    assert last.endswith("make run")


def test_a_producer_that_asks_for_a_key_is_said(
    namespace: Namespace, start_service: StartService, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text("[]")
    producer = start_service("producer_api", WRITE_KEYS_FILE=str(keys))
    with demo(["--producer", producer.url, "--query", NOWHERE], tmp_path / "log") as process:
        assert process.wait(60) == 1
    last = (tmp_path / "log").read_text().splitlines()[-1]
    assert last.startswith("POST /log refuses: ")
    assert last.endswith("Give a write key: --key")
