"""The passwords of the local stack's ClickHouse users: made once per data folder, readable by its owner only."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROLES: Final = ("admin", "writer", "reader")


@dataclass(frozen=True)
class User:
    """One ClickHouse user."""

    name: str
    password: str


def user_name(role: str) -> str:
    """As in deploy/clickhouse/users.d/actionlog.xml."""
    return f"actionlog_{role}"


def load_or_create(file: Path) -> dict[str, User]:
    """The users by role; the file is made, with mode 0600, when it is missing."""
    if not file.exists():
        _create(file)
    stored = json.loads(file.read_text())
    return {role: User(user_name(role), stored[role]) for role in ROLES}


def environment(users: Mapping[str, User]) -> dict[str, str]:
    """The variables that users.d/actionlog.xml reads the passwords from."""
    return {f"{user.name.upper()}_PASSWORD": user.password for user in users.values()}


def _create(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump({role: secrets.token_urlsafe(24) for role in ROLES}, out)
    fresh.replace(file)
