"""A producer and a consumer on a topic and tables of their own, for all tests of the emitter."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from deploy.local.services import SERVICES
from tests import namespace as names
from tests.infra import Infra
from tests.namespace import Namespace
from tests.ports import free_ports
from tests.services import Service
from tests.waiting import wait_until

STORED_S: Final = 60.0
_COLUMNS: Final = "toString(event_id) AS id, session_id, type, toString(time) AS time, utc_offset_minutes, properties"

StartProducer = Callable[..., Service]


@dataclass(frozen=True)
class Pipeline:
    """``url``: the producer. ``start_producer(KEY_RATE_PER_S="1")``: another one on the same topic."""

    namespace: Namespace
    producer: Service
    start_producer: StartProducer

    @property
    def url(self) -> str:
        return self.producer.url

    def stored(self, user_id: str) -> list[dict[str, Any]]:
        """The user's rows, each once, by their ids."""
        sql = f"SELECT {_COLUMNS} FROM {{db}}.actions FINAL WHERE user_id = '{user_id}' ORDER BY id FORMAT JSONEachRow"
        return [json.loads(line) for line in self.namespace.query(sql).splitlines()]

    def wait_for(self, user_id: str, count: int, deadline_s: float = STORED_S) -> list[dict[str, Any]]:
        """The user's rows, when there are so many."""
        wait_until(lambda: len(self.stored(user_id)) >= count, deadline_s, f"{count} actions of {user_id} are stored")
        rows = self.stored(user_id)
        assert len(rows) == count
        return rows


@contextmanager
def running(infra: Infra, folder: Path) -> Iterator[Pipeline]:
    namespace, started = names.new(infra), list[Service]()

    def start(module: str, *, wait: bool = True, **settings: str) -> Service:
        prefix = next(service.prefix for service in SERVICES if service.module == module)
        port = int(settings.pop("PORT", 0)) or free_ports(1)[0]
        own = {"HOST": "127.0.0.1", "PORT": str(port), **settings}
        environment = {**namespace.environment(module), **{f"{prefix}_{name}": value for name, value in own.items()}}
        service = Service(module, port, environment, folder / f"{module}-{len(started)}.log")
        started.append(service)
        return service.start(wait=wait)

    try:
        names.create(namespace, 3)
        producer = start("producer_api")
        start("consumer", FLUSH_AFTER_MS="100")
        yield Pipeline(namespace, producer, partial(start, "producer_api"))
    finally:
        for service in started:
            service.close()
        names.drop(namespace)
