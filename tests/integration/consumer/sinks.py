"""A sink under test: started quick, counted, measured."""

import re

import httpx

from tests.namespace import Namespace
from tests.services import Service
from tests.stack import StartService
from tests.waiting import wait_until

COUNTS = "SELECT count(), uniqExact(event_id) FROM {db}.actions"


def start(start_service: StartService, *, wait: bool = True, **settings: str) -> Service:
    """A consumer that is quick to flush, to repeat and to be given up."""
    quick = {"FLUSH_AFTER_MS": "50", "KAFKA_SESSION_TIMEOUT_MS": "2000", "BACKOFF_MAX_MS": "200"}
    return start_service("consumer", wait=wait, port=None, **{**quick, **settings})


def counted(namespace: Namespace, rows: int, deadline_s: float = 90) -> None:
    """Wait for so many rows, each once."""
    try:
        wait_until(lambda: namespace.query(COUNTS) == f"{rows}\t{rows}", deadline_s, f"{rows} rows, each once")
    except AssertionError as error:
        error.add_note(f"there are (rows, ids): {namespace.query(COUNTS)}")
        raise


def metric(service: Service, name: str) -> float:
    """The sum of a metric's samples."""
    text = httpx.get(f"{service.url}/metrics", timeout=30).text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))
