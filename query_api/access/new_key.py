"""The command that makes a read key."""

import argparse
import sys

import msgspec

from kit.keys import KeysError, new_entry
from query_api.access.keys import PREFIX, ReadKey

_LISTS = {"user_id": "userIds", "type": "types", "hide": "hiddenProperties"}
_TEXTS = {"start_time": "startTime", "end_time": "endTime"}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="for logs and metrics: letters, digits, '_', '.', '-'")
    parser.add_argument("--user-id", action="append", metavar="ID", help="only this user's actions; may be repeated")
    parser.add_argument("--type", action="append", metavar="TYPE", help="only actions of this type; may be repeated")
    parser.add_argument("--start-time", metavar="TIME", help="not before: RFC 3339, or as --start-time=-30d")
    parser.add_argument("--end-time", metavar="TIME", help="before this time, likewise")
    parser.add_argument(
        "--hide", action="append", metavar="NAME", help="a member of properties that it must not see; may be repeated"
    )
    parser.add_argument("--admin", action="store_true", help="it may erase (docs/erasure.md)")


def print_new_key(options: argparse.Namespace) -> int:
    """Print the key, which is stored nowhere, to the terminal, and its entry to standard output. The exit code."""
    given = {written: getattr(options, name) for name, written in (_LISTS | _TEXTS).items()}
    scope = {written: value for written, value in given.items() if value is not None}
    try:
        secret, entry = new_entry(ReadKey, options.name, prefix=PREFIX, scope=scope, admin=options.admin)
    except KeysError as error:
        sys.stderr.write(f"query_api: {error}\n")
        return 1
    sys.stderr.write(
        f"The key, shown only here:\n\n  {secret}\n\nIts entry, to add to the list in QUERY_KEYS_FILE:\n\n"
    )
    sys.stderr.flush()
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(entry), indent=2).decode() + "\n")
    return 0
