import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from kit import logging as kit_logging
from kit.settings import ServiceSettings


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_our_lines_and_the_libraries_have_one_shape(capsys: pytest.CaptureFixture[str]) -> None:
    kit_logging.configure(ServiceSettings(), "probe")
    structlog.get_logger("ours").info("stored", rows=3)
    logging.getLogger("theirs").warning("slow %s", "answer")
    ours, theirs = lines(capsys)
    assert (ours["event"], ours["rows"], ours["level"], ours["service"]) == ("stored", 3, "info", "probe")
    assert (theirs["event"], theirs["level"], theirs["service"]) == ("slow answer", "warning", "probe")


def test_what_a_client_library_repeats_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    kit_logging.configure(ServiceSettings(), "probe")
    for attempt in range(100):
        logging.getLogger("aiokafka").error("Unable connect to node %s", attempt)
        logging.getLogger("aiokafka.consumer").warning("rebalancing")
    assert [line["event"] for line in lines(capsys)] == ["Unable connect to node 0"]


def test_debug_shows_everything(capsys: pytest.CaptureFixture[str]) -> None:
    kit_logging.configure(ServiceSettings(log_level="debug"), "probe")
    for _ in range(3):
        logging.getLogger("aiokafka").debug("sent")
    assert len(lines(capsys)) == 3
