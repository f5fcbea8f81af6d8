"""`python -m consumer`: the sink, with health, status and metrics over HTTP; and its tools: `python -m consumer -h`."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from consumer import failpoints
from consumer.app import main as sink
from kit.server import run

# Each tool: the module whose main(words) answers the exit code, and what it does.
_TOOLS: Final = {
    "dead-letters": ("consumer.dead_letter_commands", "list, show and replay what could not be stored"),
    "audit": ("consumer.audit", "compare the topic with ClickHouse, record by record; changes nothing"),
    "rebuild": ("consumer.rebuild", "fill a new table from the topic while the sink goes on, and swap it in"),
}


def main(words: Sequence[str]) -> int:
    """The exit code. Each tool explains its own words with --help."""
    arguments = _parser().parse_args(words)
    if arguments.command:
        tool, _ = _TOOLS[arguments.command]
        return int(import_module(tool).main(arguments.rest))
    failpoints.arm(os.environ)
    run(sink())
    return 0


def _parser() -> argparse.ArgumentParser:
    tools = "\n".join(f"  {name:<13} {about}" for name, (_, about) in _TOOLS.items())
    parser = argparse.ArgumentParser(
        prog="python -m consumer",
        description="The sink: takes the topic's records into ClickHouse, each exactly once. Runs until SIGTERM.",
        epilog=f"commands, instead of running the sink:\n{tools}\n\nSettings: docs/configuration.md",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="?", choices=list(_TOOLS), metavar="command", help="see below")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="...", help="the command's own; try --help")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
