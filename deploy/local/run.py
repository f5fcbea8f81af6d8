"""`make run`: everything up in order, kept running, and down again."""

import time

from deploy.local import state
from deploy.local.console import Terminal
from deploy.local.layout import Backends
from deploy.local.one_time import run_step
from deploy.local.services import SETUP, service_specs, setup_argv, setup_log, stack_environment
from deploy.local.settings import LocalSettings
from deploy.local.stack import Stack


async def run(settings: LocalSettings, backends: Backends, terminal: Terminal) -> None:
    """Run until Ctrl-C or SIGTERM. Raises LocalError when something can't be started or kept running."""
    began = time.monotonic()
    stack = Stack(settings, backends, service_specs(settings, backends), terminal)
    state_file = settings.run_dir / "stack.json"
    terminal.heading("Starting Kafka, ClickHouse and the three services")
    try:
        async with stack.running(lambda processes: state.write(state_file, processes)) as ends:
            if await stack.unless(ends, _start(stack, terminal)):
                terminal.ready_banner(settings, time.monotonic() - began)
                await stack.until(ends)
            terminal.heading("Stopping (Ctrl-C again: at once)")
    finally:
        state_file.unlink(missing_ok=True)


async def _start(stack: Stack, terminal: Terminal) -> None:
    await stack.start_backends()
    began = time.monotonic()
    await run_step(
        "python -m deploy.setup",
        setup_argv(),
        setup_log(stack.backends),
        stack_environment(SETUP, stack.backends),
        stack.settings.start_timeout_s,
    )
    terminal.step("setup", "topic and tables", time.monotonic() - began)
    await stack.start_services()
