"""Read keys in a file of a test's own, and the header that presents one."""

from pathlib import Path
from typing import Any

from query_api.access.keys import PREFIX, ReadKey
from tests.key_file import KeyFile


class KeyRing(KeyFile):
    """Makes read keys and writes their file. ``headers`` presents one by its name."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, ReadKey, PREFIX)

    def add(self, name: str, *, admin: bool = False, **scope: Any) -> dict[str, str]:
        """A key with this scope (userIds=[...]); its headers."""
        return super().add(name, scope=scope, admin=admin)
