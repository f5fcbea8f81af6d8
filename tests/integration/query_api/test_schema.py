"""The service's answers are those that its OpenAPI description promises."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.integration.query_api.actions import generated, insert
from tests.namespace import Namespace
from tests.stack import StartService

_EXAMPLES: Final = 25
_SECONDS: Final = 400  # 60 to 70 on a very busy machine: only what hangs takes longer
# That what the description allows is accepted: JSON Schema has no words for a start before an end, or for a cursor.
_NOT_CHECKED: Final = "positive_data_acceptance"


@pytest.mark.timeout(_SECONDS + 60)
def test_schemathesis_finds_no_answer_that_the_description_does_not_allow(
    request: pytest.FixtureRequest, namespace: Namespace, start_service: StartService, tmp_path: Path
) -> None:
    insert(namespace, generated(50, seed=1))
    service = start_service("query_api")
    seed = request.config.getoption("--hypothesis-seed") or 1
    words = ["--checks", "all", "--exclude-checks", _NOT_CHECKED, "--max-examples", str(_EXAMPLES)]
    words += ["--suppress-health-check", "too_slow"]  # which says how busy the machine is
    words += ["--seed", str(seed), "--continue-on-failure", "--exclude-path", "/log/tail"]  # a stream never ends
    done = subprocess.run(
        [Path(sys.executable).with_name("schemathesis"), "run", f"{service.url}/openapi.json", *words],
        cwd=tmp_path,  # it leaves a folder behind
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unexpectedly" not in service.log
