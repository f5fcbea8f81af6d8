"""docs/querying-live.md: its commands do what it says."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.consumer import sinks
from tests.integration.query_api import live
from tests.stack import StartService

PAGE = Path(__file__).resolve().parents[3] / "docs" / "querying-live.md"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


def commands() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_the_commands_of_the_page_do_what_it_says(start_service: StartService) -> None:
    producer, query = start_service("producer_api"), start_service("query_api", **live.PATIENT)
    sinks.start(start_service)

    def here(command: str) -> str:
        own = command.replace("http://127.0.0.1:8000", producer.url).replace("http://127.0.0.1:8001", query.url)
        return own.replace("wait=10", "wait=30")  # a sink that has just started may take longer on a busy machine

    post_and_read, find, watch, health = map(here, commands())
    read = shell(post_and_read)
    assert "HTTP/1.1 200 OK" in read
    assert "preference-applied: wait=30" in read.lower()
    assert "actionlog-watermark-age-ms: " in read.lower()
    assert '"properties":{"locationX": 52}' in read
    event_id = re.findall(r'"id":"([0-9a-f-]{36})"', read)[0]
    assert '"state":"unknown"' in shell(find)
    assert '"state":"stored"' in shell(re.sub(r"[0-9a-f-]{36}", event_id, find))
    assert {"lagSeconds", "storedUntil", "acceptedPerSecond"} <= set(json.loads(shell(health)))
    with subprocess.Popen(["bash", "-c", f"exec {watch}"], stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert next(watching.stdout) == "retry: 2000\n"
        assert next(line for line in watching.stdout if line.startswith("id: at."))
        shell(post_and_read.replace('"locationX": 52', '"locationX": 7'))  # not this one
        shell(post_and_read)
        seen = next(line for line in watching.stdout if line.startswith("data: "))
        watching.terminate()
    assert '"properties":{"locationX": 52}' in seen
    assert '"receivedAt":' in seen


def shell(command: str) -> str:
    """What it prints; fails as it does."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], check=True, capture_output=True, text=True, timeout=60
    ).stdout
