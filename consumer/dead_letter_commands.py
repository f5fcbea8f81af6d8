"""`python -m consumer dead-letters list|show|replay`: what an operator does with dead letters (docs/dead-letters.md).

Two replays at once are safe: the one that was started last goes on, the other stops with an error (consumer/replay.py).
"""

import argparse
import asyncio
import sys
import uuid
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from consumer import dead_letter_views as views
from consumer.dead_letter_shards import DeadLetterShards
from consumer.dead_letter_table import Letter, Wanted
from consumer.errors import SinkError
from consumer.replay import Outcome, Replay, Replayed
from consumer.replay_topic import ReplayTopic
from consumer.settings import Settings
from contract.record import EARLIEST_TIME, LATEST_TIME

_PREVIEW_BYTES: Final = 1  # of values that are not shown
_BATCH: Final = 50  # dead letters in memory, in one transaction


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 done, 1 not or not all of it, 2 wrong usage."""
    parser = _parser()
    words = parser.parse_args(arguments)
    if words.command == "replay" and words.value is not None and len(words.ids) != 1:
        parser.error("--value-file is the value of one id")
    if words.command == "replay" and words.ids and _wanted(words) != Wanted(replayed=False):
        parser.error("filters are for --all-open: ids name what is replayed")
    try:
        return asyncio.run(_run(words))
    except SinkError as error:
        _say(f"error: {views.visible(str(error))}")
        return 1


async def _run(words: argparse.Namespace) -> int:
    # aiokafka leaves futures behind that nobody awaits; what concerns us was raised.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    return await _COMMANDS[words.command](words, Settings())


async def _list(words: argparse.Namespace, settings: Settings) -> int:
    """Newest first, so that the limit cuts the oldest."""
    table = DeadLetterShards(settings)
    try:
        await table.open()
        preview = 0 if words.json else _PREVIEW_BYTES
        letters = await table.select(_wanted(words), limit=words.limit, preview_bytes=preview, newest_first=True)
    finally:
        await table.close()
    _print("".join(map(views.json_line, letters)) if words.json else views.table(letters))
    if len(letters) == words.limit:
        _say(f"the newest {words.limit}; there may be more (--limit)")
    return 0


async def _show(words: argparse.Namespace, settings: Settings) -> int:
    table = DeadLetterShards(settings)
    try:
        await table.open()
        letters = await table.select(Wanted(ids=[words.id]), limit=1)
    finally:
        await table.close()
    if not letters:
        _say(f"error: no dead letter {words.id} of topic {settings.kafka_topic}")
        return 1
    return _show_raw(letters[0]) if words.raw_value else _print(views.page(letters[0]))


def _show_raw(letter: Letter) -> int:
    if sys.stdout.isatty():
        _say("error: raw bytes can drive a terminal; send them to a file")
        return 1
    sys.stdout.buffer.write(letter.raw_value)
    sys.stdout.flush()
    return 0


async def _replay(words: argparse.Namespace, settings: Settings) -> int:
    table = DeadLetterShards(settings)
    replay = Replay(table, ReplayTopic(settings))
    try:
        if words.dry_run:
            return await _would_replay(words, table)
        await replay.open()
        ids = list(dict.fromkeys(words.ids)) or await table.ids(_wanted(words))
        results: list[Replayed] = []
        for first in range(0, len(ids), _BATCH):
            batch = await replay.run(ids[first : first + _BATCH], words.value)
            _print("".join(map(_told, batch)))
            results += batch
    finally:
        await replay.close()
    _say(f"{sum(result.outcome is Outcome.PUBLISHED for result in results)} published, {len(results)} looked at")
    return int(any(result.outcome is Outcome.UNKNOWN for result in results))


async def _would_replay(words: argparse.Namespace, table: DeadLetterShards) -> int:
    await table.open()
    wanted = Wanted(ids=words.ids, replayed=False) if words.ids else _wanted(words)
    letters = await table.select(wanted, limit=words.limit, preview_bytes=_PREVIEW_BYTES)
    _print(views.table(letters))
    _say(f"would replay {len(letters)}; nothing was published")
    return 0


def _told(result: Replayed) -> str:
    place = f", partition {result.place[0]}, offset {result.place[1]}" if result.place else ""
    return f"{result.event_id}  {result.outcome.value}{place}\n"


def _wanted(words: argparse.Namespace) -> Wanted:
    return Wanted(words.reason, words.partition, words.since, words.until, words.replayed)


def _print(text: str) -> int:
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


_COMMANDS: Final = {"list": _list, "show": _show, "replay": _replay}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m consumer dead-letters", description="Records that could not be stored as actions."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_list(commands.add_parser("list", help="which there are, newest first"))
    show = commands.add_parser("show", help="everything of one")
    show.add_argument("id", type=_id)
    show.add_argument("--raw-value", action="store_true", help="only the value's bytes, to a file or a pipe")
    _add_replay(commands.add_parser("replay", help="publish records again, each once"))
    return parser


def _add_list(parser: argparse.ArgumentParser) -> None:
    _add_filters(parser)
    state = parser.add_mutually_exclusive_group()
    state.add_argument("--replayed", action="store_true", default=None, help="those that were replayed")
    state.add_argument("--open", dest="replayed", action="store_false", default=None, help="those that were not")
    parser.add_argument("--limit", type=_positive, default=100, help="how many at most (100)")
    parser.add_argument("--json", action="store_true", help="JSON lines, with keys and values")


def _add_replay(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", nargs="*", type=_id, default=[], metavar="id")
    which.add_argument("--all-open", action="store_true", help="all that were not replayed, within the filters")
    _add_filters(parser)
    parser.add_argument("--dry-run", action="store_true", help="only say what would be published")
    parser.add_argument(
        "--value-file", dest="value", type=_content, help="the corrected value of the one id, byte for byte"
    )
    parser.set_defaults(replayed=False, limit=1_000_000)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", help="part of the reason, in upper or lower case")
    parser.add_argument("--partition", type=_partition, help="of the record's topic")
    parser.add_argument("--since", type=_moment, metavar="TIME", help="stored then or later: 2026-03-14T12:00:00Z")
    parser.add_argument("--until", type=_moment, metavar="TIME", help="stored before then")


def _id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no id of a dead letter, which is a UUID") from None


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path}: {error.strerror}") from None


def _positive(text: str) -> int:
    return _number(text, 1, 1_000_000)


def _partition(text: str) -> int:
    return _number(text, 0, (1 << 31) - 1)


def _number(text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {least} to {most}")
    return int(text)


def _moment(text: str) -> datetime:
    """RFC 3339."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not EARLIEST_TIME <= moment < LATEST_TIME:
        raise argparse.ArgumentTypeError(f"{text!r} is no time from 1970 on with an offset: 2026-03-14T12:00:00Z")
    return moment
