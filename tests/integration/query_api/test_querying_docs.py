"""The examples in docs/querying-pages.md run as they stand there."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

from tests.integration.query_api.actions import insert
from tests.integration.query_api.test_reading import SAMPLE
from tests.namespace import Namespace
from tests.stack import StartService

PAGE = Path(__file__).parents[3] / "docs" / "querying-pages.md"
EXAMPLES = re.findall(r"^```(sh|python)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
SHOWN = (
    '"time":"2013-10-18T21:37:28-06:00"',
    '{"actions":[{"id":"0192f0c1-5d3a-7c1e-9b1f-3a5d0c9e7b21"',
    "2018-10-18T21:37:30-06:00 0192f0c1-5d3a-7c1e-9b1f-3a5d0c9e7b21",
    "",
    "1 3 {'CLICK': 1, 'NAVIGATE': 1, 'VIEW': 1}",
    "FDJKLHSLD",
    "3",
    '{"rows":3,"complete":true}',
    '"estimate":',
)


def run(kind: str, code: str, folder: Path) -> str:
    """The example's output; it must succeed."""
    words = ["bash", "-euo", "pipefail", "-c", code] if kind == "sh" else [sys.executable, "-c", code]
    ran = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, (code, ran.stdout, ran.stderr)
    return ran.stdout


async def test_the_examples_run(namespace: Namespace, start_service: StartService, tmp_path: Path) -> None:
    insert(namespace, SAMPLE)
    service = start_service("query_api")
    assert len(EXAMPLES) == len(SHOWN)
    for (kind, code), shown in zip(EXAMPLES, SHOWN, strict=True):
        assert "http://127.0.0.1:8001" in code or "actions.parquet" in code
        output = await asyncio.to_thread(run, kind, code.replace("http://127.0.0.1:8001", service.url), tmp_path)
        assert shown in output, (code, output)
