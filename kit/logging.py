"""One log line per event, structured, for our code and for the libraries' alike."""

import logging
import sys

import structlog
from structlog.typing import Processor

from kit.settings import ServiceSettings

# They say ten times a second what the services say once with a reason: errors only, and each kind once a minute.
_NOISY_LIBRARIES = ("aiokafka", "uvicorn", "clickhouse_connect")
_REPEAT_AFTER_S = 60.0


def configure(settings: ServiceSettings, service: str) -> None:
    """Send every log line of this process to stdout, as JSON or for people, tagged with the service's name."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(settings)],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    structlog.contextvars.bind_contextvars(service=service)
    if settings.log_level != "debug":
        handler.addFilter(_OncePerMinute())


def _renderers(settings: ServiceSettings) -> list[Processor]:
    if settings.log_format == "console":
        return [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


class _OncePerMinute(logging.Filter):
    """Lets our own lines pass; of a noisy library's errors, each message template once a minute."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in _NOISY_LIBRARIES:
            return True
        template = str(record.msg)
        if record.levelno < logging.ERROR or record.created - self._last.get(template, 0) < _REPEAT_AFTER_S:
            return False
        self._last[template] = record.created
        return True
