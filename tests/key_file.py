"""A file of keys of a test's own, replaced whole as deployments do it."""

import json
from pathlib import Path
from typing import Any

import msgspec

from kit.keys import new_entry


class KeyFile:
    """Keys of one kind (write keys, read keys); ``file`` is there from the beginning, empty."""

    def __init__(self, file: Path, kind: type[Any], prefix: str) -> None:
        self.file = file
        self.secrets: dict[str, str] = {}
        self._kind = kind
        self._prefix = prefix
        self._entries: dict[str, object] = {}
        self._write()

    def add(self, name: str, **fields: Any) -> dict[str, str]:
        """A new key beside the others: the headers that present it."""
        secret, entry = new_entry(self._kind, name, prefix=self._prefix, **fields)
        self.secrets[name] = secret
        self._entries[name] = json.loads(msgspec.json.encode(entry))
        self._write()
        return self.headers(name)

    def headers(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secrets[name]}"}

    def remove(self, name: str) -> None:
        del self._entries[name]
        self._write()

    def _write(self) -> None:
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(list(self._entries.values())))
        fresh.replace(self.file)
