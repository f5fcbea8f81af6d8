"""``make demo``: its options, its two lines, and how it ends."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from contract.topics import DEFAULT_TOPIC
from deploy.demo import run
from deploy.demo.run import Options
from deploy.demo.sending import DemoError
from deploy.local.ports import HOST
from deploy.local.settings import LocalSettings

_DESCRIPTION = "A made-up shop: the actions of its visitors in the last hours at once, then live until Ctrl-C."


def main(arguments: Sequence[str]) -> int:
    """Send until Ctrl-C or SIGTERM. Returns the exit code: 1 when nothing can be sent."""
    options = _options(arguments)
    sys.stdout.write(
        f"Sends the actions of a made-up shop's visitors: of the last {options.hours:g} hours at once, then about "
        f"{options.rate:g} a second until Ctrl-C.\nLook: {options.query}/ in a browser, or "
        f"curl '{options.query}/log/counts?groupBy=type&startTime=-{max(1, round(options.hours * 60))}m'\n"
    )
    sys.stdout.flush()
    try:
        asyncio.run(run.run(options))
    except DemoError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _options(arguments: Sequence[str]) -> Options:
    local = LocalSettings()  # so that PRODUCER_PORT=9000 moves both ends
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description=_DESCRIPTION)
    parser.add_argument("--producer", default=f"http://{HOST}:{local.producer_port}", help="URL of POST /log's service")
    parser.add_argument(
        "--query", default=f"http://{HOST}:{local.query_port}", help="URL to look at; asked whether a past is there"
    )
    parser.add_argument("--key", help="write key, where POST /log asks for one")
    parser.add_argument("--rate", type=_positive, default=50.0, help="actions a second, more or less by the hour (50)")
    parser.add_argument("--hours", type=_positive, default=3.0, help="hours of the past that are sent first (3)")
    parser.add_argument("--seed", type=int, help="of the random numbers, to make up the same shop again")
    parser.add_argument("--kafka", default=f"{HOST}:{local.kafka_port}", help="broker for three records that are none")
    parser.add_argument("--topic", default=DEFAULT_TOPIC, help="their topic")
    return Options(**vars(parser.parse_args(arguments)))


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number <= 10_000:
        raise argparse.ArgumentTypeError("not between 0 and 10,000")
    return number
