"""One log line per event, structured, for our code and for the libraries' alike."""

import logging
import sys

import structlog
from structlog.typing import Processor

from kit.settings import ServiceSettings

# They repeat, once a second, what the services say once with a reason; their errors still pass.
_NOISY_LIBRARIES = ("aiokafka", "uvicorn", "clickhouse_connect")


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
    for name in _NOISY_LIBRARIES:
        logging.getLogger(name).setLevel(logging.DEBUG if settings.log_level == "debug" else logging.ERROR)


def _renderers(settings: ServiceSettings) -> list[Processor]:
    if settings.log_format == "console":
        return [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
