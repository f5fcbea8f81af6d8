"""A command that runs to its end before the stack goes on: the broker's format, the setup of topics and tables."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local import logfile
from deploy.local.child import tie_to_parent
from deploy.local.errors import ProcessFailedError
from deploy.local.process import describe_exit
from deploy.local.settings import CHECKOUT

_SHOWN_LINES = 40


async def run_step(name: str, argv: Sequence[str], log: Path, environment: Mapping[str, str], timeout_s: float) -> None:
    """Run it with its output in a fresh log. Raises ProcessFailedError, with that output, unless it exits with 0."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            *argv,
            cwd=CHECKOUT,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=tie_to_parent(),
        )
        try:
            async with asyncio.timeout(timeout_s):
                code = await child.wait()
            how = describe_exit(code)
        except TimeoutError:
            code, how = 1, f"not done after {timeout_s:.0f} s"
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                await child.wait()
    if code != 0:
        raise ProcessFailedError(
            "\n".join([f"{name} failed ({how}):", *(f"  {x}" for x in logfile.tail(log, _SHOWN_LINES))])
        )
