"""The commands of the local stack."""

import argparse
import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from deploy.local import brokers, data_folder, folder_lock, infra, ports, run, status
from deploy.local.components import fetch, pins
from deploy.local.components.engine_package import EnginePackage
from deploy.local.components.kafka_jars import KafkaJars
from deploy.local.console import Quiet, Terminal
from deploy.local.errors import LocalError
from deploy.local.layout import backend_ports, backends
from deploy.local.services import SERVICES, service_ports
from deploy.local.settings import LocalSettings
from deploy.local.stack import Stack

_DESCRIPTION = "The local stack: a real Kafka, a real ClickHouse and the three services, on 127.0.0.1."


def main(arguments: Sequence[str]) -> int:
    """Run one command. Returns the exit code: 1 for anything a person has to look at."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, also while downloading
    terminal = Quiet() if options.command == "infra" else Terminal()
    with terminal:
        try:
            code: int = options.run(options, LocalSettings(), terminal)
        except (LocalError, ValidationError) as error:
            terminal.end_progress()
            terminal.error(str(error))
            return 1
        except KeyboardInterrupt:
            terminal.end_progress()
            terminal.say("Interrupted; what was fetched and is whole is kept")
            return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=_DESCRIPTION)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command, text in (
        ("run", _run, "start everything, keep it running, stop it with Ctrl-C"),
        ("status", _status, "what runs on the data folder, and whether it answers"),
        ("clean", _clean, "remove topics, tables, logs and passwords"),
        ("download", _download, "fetch Kafka and ClickHouse into the cache, or check every byte of what is there"),
        ("lock", _lock, "make kafka.lock and engine.lock again, after a version was changed"),
    ):
        commands.add_parser(name, help=text).set_defaults(run=command)
    _add_brokers(commands.choices["run"])
    _add_infra(commands.add_parser("infra", help="only Kafka and ClickHouse, without topics and tables; for tests"))
    return parser


def _add_brokers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--brokers", type=int, choices=(1, 3), help="Kafka brokers (LOCAL_BROKERS)")


def _with_brokers(settings: LocalSettings, options: argparse.Namespace) -> LocalSettings:
    return settings.model_copy(update={"brokers": options.brokers}) if options.brokers else settings


def _add_infra(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_infra)
    _add_brokers(parser)
    parser.add_argument("--data", type=Path, help="data folder (LOCAL_DATA_DIR)")
    parser.add_argument("--free-ports", action="store_true", help="take free ports instead of the settings'")
    parser.add_argument("--until-pid", type=int, help="stop when this process is gone")
    parser.add_argument("--state", type=Path, help="file that gets the endpoints as JSON, kept current over restarts")
    parser.add_argument("--remove", action="store_true", help="remove the data folder at the end")


def _run(options: argparse.Namespace, settings: LocalSettings, terminal: Terminal) -> int:
    settings = _with_brokers(settings, options)
    with folder_lock.data_folder(settings.run_dir):
        brokers.require_same_number(settings)
        ports.require_free([*service_ports(settings), *backend_ports(settings)])
        jars, package = _ensure(settings, terminal)
        asyncio.run(run.run(settings, backends(settings, jars, package), terminal))
    return 0


def _status(_: argparse.Namespace, settings: LocalSettings, terminal: Terminal) -> int:
    pid = status.stack_pid(settings)
    if pid is None:
        terminal.say(f"No stack runs on {settings.data_dir}")
        return 1
    terminal.say(f"A stack runs on {settings.data_dir} (pid {pid})")
    lines = asyncio.run(status.lines(settings))
    terminal.status(lines)
    absent = {service.module for service in SERVICES} - {line.name for line in lines}
    if absent:
        terminal.say(f"It is still starting or stopping, or has no services: {', '.join(sorted(absent))}")
    return 0 if not absent and all(line.condition == "ready" for line in lines) else 1


def _clean(_: argparse.Namespace, settings: LocalSettings, terminal: Terminal) -> int:
    removed = data_folder.clean(settings.data_dir)
    terminal.say(f"Removed {', '.join(removed) if removed else 'nothing'} in {settings.data_dir}")
    return 0


def _download(_: argparse.Namespace, settings: LocalSettings, terminal: Terminal) -> int:
    _ensure(settings, terminal, thorough=True)
    terminal.say(f"Kafka and ClickHouse are complete and verified in {settings.cache_dir}")
    return 0


def _lock(_: argparse.Namespace, __: LocalSettings, terminal: Terminal) -> int:
    pins.write_locks(terminal, terminal.say)
    return 0


def _infra(options: argparse.Namespace, settings: LocalSettings, terminal: Terminal) -> int:
    if options.remove and not options.data:
        raise LocalError("--remove needs --data: it removes the whole folder")
    settings = _with_brokers(settings, options)
    if options.data:
        settings = settings.model_copy(update={"data_dir": options.data.resolve()})
    if options.free_ports:
        settings = infra.with_free_ports(settings)
    with folder_lock.data_folder(settings.run_dir):
        brokers.require_same_number(settings)
        ports.require_free(backend_ports(settings))
        jars, package = _ensure(settings, terminal)
        asyncio.run(_run_infra(options, Stack(settings, backends(settings, jars, package), [], terminal)))
    return 0


async def _run_infra(options: argparse.Namespace, stack: Stack) -> None:
    await infra.run(stack, state_file=options.state, until_pid=options.until_pid, remove=options.remove)


def _ensure(settings: LocalSettings, terminal: Terminal, *, thorough: bool = False) -> tuple[KafkaJars, EnginePackage]:
    jars, package = KafkaJars(settings.cache_dir), EnginePackage(settings.cache_dir)
    fetch.ensure(
        [jars, package], settings.cache_dir, terminal, timeout_s=settings.download_timeout_s, thorough=thorough
    )
    return jars, package
