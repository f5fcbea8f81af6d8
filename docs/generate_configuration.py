"""Writes docs/configuration.md from the settings' models: `python -m docs.generate_configuration`."""

import sys
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import annotated_types
from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from consumer.settings import Settings as ConsumerSettings
from deploy.local.settings import CHECKOUT, LocalSettings
from deploy.setup.settings import SetupSettings
from kit.settings import ClickHouseSettings, KafkaSettings, ServiceSettings
from kit.workers import WorkerSettings
from producer_api.access_settings import AccessSettings
from producer_api.settings import Settings as ProducerSettings
from query_api.settings import Settings as QuerySettings

FILE: Final = Path(__file__).with_name("configuration.md")

_INTRODUCTION: Final = """\
# Configuration

<!-- Written by `python -m docs.generate_configuration` from the settings' classes. Change them, not this file. -->

Every setting is an environment variable, every one has a default, and a wrong value ends the process at its start with
a message that names it. Units are in the names: `_ms`, `_s`, `_hours`, `_bytes`, `_mb` (MiB).

- **Secrets from files.** The services and the setup also read each setting from a file named like it (in lower or
  upper case) in the folder that `ACTIONLOG_SECRETS_DIR` names: `query_clickhouse_password`, for example. A variable
  beats a file.
- **A misspelt name is ignored**, since other programs' variables share the environment. Copy names from here.
- **In the local stack** every setting can be given to `make run`: `CONSUMER_FLUSH_AFTER_MS=200 make run`. Only the
  services' addresses are the stack's own: move a port with `LOCAL_…_PORT`.
- **ClickHouse's users** are in [deploy/clickhouse/users.d/actionlog.xml](../deploy/clickhouse/users.d/actionlog.xml).
  The server takes their passwords from `ACTIONLOG_ADMIN_PASSWORD`, `ACTIONLOG_WRITER_PASSWORD`,
  `ACTIONLOG_READER_PASSWORD` and `ACTIONLOG_ERASER_PASSWORD`. Give the setup the first user, the consumer the second,
  the query API the third, and for erasure (`QUERY_ERASER_…`) the fourth.
"""


@dataclass(frozen=True)
class Section:
    """One process: its title, its settings' class and a sentence on it."""

    title: str
    model: type[BaseSettings]
    about: str


SECTIONS: Final = (
    Section("producer_api", ProducerSettings, "POST /log. Start: `python -m producer_api`."),
    Section("consumer", ConsumerSettings, "Kafka to ClickHouse. Start: `python -m consumer`."),
    Section("query_api", QuerySettings, "GET /log. Start: `python -m query_api`."),
    Section(
        "deploy.setup", SetupSettings, "Creates topic and tables; run it before each release: `python -m deploy.setup`."
    ),
    Section("deploy.local", LocalSettings, "The local stack. Start: `make run`."),
)

# The groups of kit.settings; a setting that a class defines itself is its own, also where it only changes a default.
_GROUPS: Final = (
    ("Listening and logging", ServiceSettings),
    ("Who may write, and how much", AccessSettings),
    ("Several processes", WorkerSettings),
    ("Connection to Kafka", KafkaSettings),
    ("Connection to ClickHouse", ClickHouseSettings),
)
_BYTES: Final = ((1 << 20, "MiB"), (1 << 10, "KiB"))


def render() -> str:
    """The whole page."""
    return "\n".join([_INTRODUCTION, *(line for section in SECTIONS for line in _section(section))])


def variables(model: type[BaseSettings]) -> dict[str, list[str]]:
    """The environment variables of a settings class, by field."""
    return {field: _names(model, field, info) for field, info in model.model_fields.items()}


def _section(section: Section) -> Iterator[str]:
    yield from (f"## {section.title}", "", section.about, "")
    own = [name for name in section.model.model_fields if name in section.model.__annotations__]
    yield from _table(section.model, own)
    for title, group in _GROUPS:
        if issubclass(section.model, group):
            yield from (f"### {section.title}: {title[0].lower()}{title[1:]}", "")
            yield from _table(section.model, [name for name in group.__annotations__ if name not in own])


def _table(model: type[BaseSettings], fields: list[str]) -> Iterator[str]:
    yield from ("| setting | default | allowed | what it is |", "|---|---|---|---|")
    for field in fields:
        info = model.model_fields[field]
        names = " or ".join(f"`{name}`" for name in _names(model, field, info))
        yield f"| {names} | {_default(field, info)} | {_allowed(info)} | {_escaped(info.description or '')} |"
    yield ""


def _names(model: type[BaseSettings], field: str, info: FieldInfo) -> list[str]:
    if isinstance(info.validation_alias, AliasChoices):
        return [str(choice) for choice in info.validation_alias.choices]
    return [f"{model.model_config['env_prefix']}{field}".upper()]


def _default(field: str, info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=False)
    if info.default_factory is not None:
        return "`actionlog` in `$XDG_CACHE_HOME`, else in `~/.cache`"
    if value is None or (isinstance(value, SecretStr) and not value.get_secret_value()):
        return "none"
    if isinstance(value, Path):
        return f"`{value.relative_to(CHECKOUT)}` in the checkout"
    if value is PydanticUndefined:
        raise TypeError(f"{field} has no default")
    return f"`{_as_typed(value)}`{_in_words(field, value)}"


def _in_words(field: str, value: Any) -> str:
    """A number of bytes as people say it."""
    if field.endswith("_bytes"):
        for size, unit in _BYTES:
            if value % size == 0:
                return f" ({value // size} {unit})"
    return ""


def _allowed(info: FieldInfo) -> str:
    literals = typing.get_args(info.annotation) if typing.get_origin(info.annotation) is Literal else ()
    if literals:
        return ", ".join(f"`{choice}`" for choice in literals)
    return ", ".join(text for part in info.metadata if (text := _bound(part)))


def _bound(part: Any) -> str:
    match part:
        case annotated_types.Ge(ge=least):
            return f"≥ {least}"
        case annotated_types.Gt(gt=below):
            return f"> {below}"
        case annotated_types.Le(le=most):
            return f"≤ {most}"
        case annotated_types.MinLen(min_length=1):
            return "not empty"
        case _ if pattern := getattr(part, "pattern", None):
            return f"`{pattern}`"
    raise TypeError(f"no words for the bound {part!r}")


def _as_typed(value: Any) -> str:
    """A default as one would write it into the environment."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _escaped(text: str) -> str:
    """Text inside a table's cell; Markdown would take <name> for a tag."""
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    FILE.write_text(render())
    sys.stdout.write(f"wrote {FILE.name}\n")
