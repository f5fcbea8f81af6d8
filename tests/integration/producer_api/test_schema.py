"""The service's answers are those that its OpenAPI description promises."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.integration.producer_api.conftest import StartProducer
from tests.namespace import Namespace

_CHECKOUT: Final = Path(__file__).resolve().parents[3]
_HOOKS: Final = "tests.integration.producer_api.schema_hooks"
_EXAMPLES: Final = 200
_SECONDS: Final = 480


@pytest.mark.timeout(_SECONDS + 120)
def test_schemathesis_finds_no_answer_that_the_description_does_not_allow(
    request: pytest.FixtureRequest,
    empty_namespace: Namespace,
    topic: str,
    start_producer: StartProducer,
    tmp_path: Path,
) -> None:
    producer = start_producer(empty_namespace.infra.kafka_bootstrap, topic)
    seed = request.config.getoption("--hypothesis-seed") or 1
    words = ["--checks", "all", "--max-examples", str(_EXAMPLES), "--seed", str(seed), "--continue-on-failure"]
    words += ["--suppress-health-check", "too_slow"]  # what is slow here is the machine
    done = subprocess.run(
        [Path(sys.executable).with_name("schemathesis"), "run", f"{producer.url}/openapi.json", *words],
        cwd=tmp_path,  # it leaves a folder behind
        env={**os.environ, "PYTHONPATH": str(_CHECKOUT), "SCHEMATHESIS_HOOKS": _HOOKS},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unexpectedly" not in producer.log
