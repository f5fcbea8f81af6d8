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


def counted(namespace: Namespace, rows: int) -> None:
    wait_until(lambda: namespace.query(COUNTS) == f"{rows}\t{rows}", 30, f"{rows} rows, each once")


def metric(service: Service, name: str) -> float:
    """The sum of a metric's samples."""
    text = httpx.get(f"{service.url}/metrics").text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))
