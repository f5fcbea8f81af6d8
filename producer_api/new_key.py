"""The command that makes a write key."""

import sys
from collections.abc import Sequence

import msgspec

from kit.keys import KeysError, new_key
from producer_api.keys import PREFIX


def print_new_key(name: str, origins: Sequence[str]) -> int:
    """Print the key, which is stored nowhere, to the terminal, and its entry to standard output. The exit code."""
    try:
        secret, entry = new_key(name, prefix=PREFIX, origins=origins)
    except KeysError as error:
        sys.stderr.write(f"producer_api: {error}\n")
        return 1
    sys.stderr.write(
        f"The key, shown only here:\n\n  {secret}\n\nIts entry, to add to the list in PRODUCER_WRITE_KEYS_FILE:\n\n"
    )
    sys.stderr.flush()
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(entry), indent=2).decode() + "\n")
    return 0
