"""The passwords of the local stack's ClickHouse users: made once per data folder, readable by its owner only."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROLES: Final = ("admin", "writer", "reader", "eraser")


@dataclass(frozen=True)
class User:
    """One ClickHouse user."""

    name: str
    password: str


def user_name(role: str) -> str:
    """As in deploy/clickhouse/users.d/actionlog.xml."""
    return f"actionlog_{role}"


def load_or_create(file: Path) -> dict[str, User]:
    """The users by role; the file is made, with mode 0600, when it is missing or lacks a role of a later release."""
    stored: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    if not set(ROLES) <= set(stored):
        stored = {role: secrets.token_urlsafe(24) for role in ROLES} | stored
        _write(file, stored)
    return {role: User(user_name(role), stored[role]) for role in ROLES}


def environment(users: Mapping[str, User]) -> dict[str, str]:
    """The variables that users.d/actionlog.xml reads the passwords from."""
    return {f"{user.name.upper()}_PASSWORD": user.password for user in users.values()}


def _write(file: Path, passwords: Mapping[str, str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(passwords, out)
    fresh.replace(file)
