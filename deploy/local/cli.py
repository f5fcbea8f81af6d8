"""The commands of the local stack."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from deploy.local import infra, ports
from deploy.local.components import fetch, pins
from deploy.local.components.engine_package import EnginePackage
from deploy.local.components.kafka_jars import KafkaJars
from deploy.local.console import Quiet, Terminal
from deploy.local.errors import LocalError
from deploy.local.layout import backend_ports, backends
from deploy.local.settings import LocalSettings
from deploy.local.stack import Stack

_DESCRIPTION = "The local stack: a real Kafka, a real ClickHouse and the three services, on 127.0.0.1."


def main(arguments: Sequence[str]) -> int:
    """Run one command. Returns the exit code: 1 for anything a person has to look at."""
    options = _parser().parse_args(arguments)
    terminal = Quiet() if options.command == "infra" else Terminal()
    with terminal:
        try:
            code: int = options.run(options, LocalSettings(), terminal)
        except (LocalError, ValidationError) as error:
            terminal.end_progress()
            terminal.error(str(error))
            return 1
        except KeyboardInterrupt:
            return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=_DESCRIPTION)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run, text in (
        ("download", _download, "fetch Kafka and ClickHouse into the cache, or check every byte of what is there"),
        ("lock", _lock, "make kafka.lock and engine.lock again, after a version was changed"),
    ):
        commands.add_parser(name, help=text).set_defaults(run=run)
    _add_infra(commands.add_parser("infra", help="only Kafka and ClickHouse, without topics and tables; for tests"))
    return parser


def _add_infra(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_infra)
    parser.add_argument("--data", type=Path, help="data folder (LOCAL_DATA_DIR)")
    parser.add_argument("--free-ports", action="store_true", help="take free ports instead of the settings'")
    parser.add_argument("--until-pid", type=int, help="stop when this process is gone")
    parser.add_argument("--state", type=Path, help="file that gets the endpoints as JSON, kept current over restarts")
    parser.add_argument("--remove", action="store_true", help="remove the data folder at the end")


def _download(_: argparse.Namespace, settings: LocalSettings, terminal: Terminal) -> int:
    _ensure(settings, terminal, thorough=True)
    terminal.say(f"Kafka and ClickHouse are complete and verified in {settings.cache_dir}")
    return 0


def _lock(_: argparse.Namespace, __: LocalSettings, terminal: Terminal) -> int:
    pins.write_locks(terminal, terminal.say)
    return 0


def _infra(options: argparse.Namespace, settings: LocalSettings, terminal: Terminal) -> int:
    if options.data:
        settings = settings.model_copy(update={"data_dir": options.data})
    jars, package = _ensure(settings, terminal)
    if options.free_ports:
        settings = infra.with_free_ports(settings)
    ports.require_free(backend_ports(settings))

    async def run() -> None:
        stack = Stack(settings, backends(settings, jars, package), [], terminal)
        await infra.run(stack, state_file=options.state, until_pid=options.until_pid, remove=options.remove)

    asyncio.run(run())
    return 0


def _ensure(settings: LocalSettings, terminal: Terminal, *, thorough: bool = False) -> tuple[KafkaJars, EnginePackage]:
    jars, package = KafkaJars(settings.cache_dir), EnginePackage(settings.cache_dir)
    fetch.ensure(
        [jars, package], settings.cache_dir, terminal, timeout_s=settings.download_timeout_s, thorough=thorough
    )
    return jars, package
