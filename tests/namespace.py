"""A topic, a consumer group and a database of a test's own, so that tests run in parallel on one pair."""

import asyncio
import contextlib
import secrets
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.services import SERVICES, SETUP, environment
from deploy.setup import SetupSettings, apply
from tests.infra import Infra

_T = TypeVar("_T")


@dataclass(frozen=True)
class Namespace:
    """Names that no other test uses; made by ``create``, removed by ``drop``."""

    infra: Infra
    topic: str
    group: str
    database: str

    def environment(self, module: str) -> dict[str, str]:
        """The variables with which a service (``producer_api``, …, ``deploy.setup``) works in this namespace."""
        service = next(s for s in (*SERVICES, SETUP) if s.module == module)
        values = environment(
            service,
            kafka=self.infra.kafka_bootstrap,
            topic=self.topic,
            clickhouse_url=self.infra.clickhouse_url,
            database=self.database,
            users=self.infra.users,
        )
        group = "SINK_GROUP" if module == "query_api" else "KAFKA_GROUP"
        return {**values, f"{service.prefix}_{group}": self.group}

    def query(self, sql: str, role: str = "admin") -> str:
        """As ``Infra.query``; ``{db}`` in the statement becomes this namespace's database."""
        return self.infra.query(sql.replace("{db}", self.database), role)

    def setup_settings(self, partitions: int = 3) -> SetupSettings:
        prefix = f"{SETUP.prefix}_"
        values = {name.removeprefix(prefix).lower(): value for name, value in self.environment(SETUP.module).items()}
        bare = {"topic_partitions": partitions, "fsync": False, "disk_reserve_bytes": 0}
        return SetupSettings.model_validate({**values, **bare})


def new(infra: Infra) -> Namespace:
    """Fresh names; nothing is made."""
    mark = secrets.token_hex(4)
    return Namespace(infra, f"actions-test-{mark}", f"sink-test-{mark}", f"actionlog_test_{mark}")


def create(namespace: Namespace, partitions: int) -> None:
    """The topic and the tables, by the project's own setup.

    Without fsync, since no test here cuts the power, and without a reserve on the disk, which may be a small one.
    """
    in_a_loop_of_its_own(apply(namespace.setup_settings(partitions)))


def drop(namespace: Namespace) -> None:
    """Remove what ``create`` made. A test that broke a server may leave its namespace behind: the run ends soon."""
    with contextlib.suppress(OSError, RuntimeError):
        namespace.query("DROP DATABASE IF EXISTS {db} SYNC")
    with contextlib.suppress(KafkaError):
        in_a_loop_of_its_own(_delete_topic(namespace))


async def _delete_topic(namespace: Namespace) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=namespace.infra.kafka_bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([namespace.topic])
    finally:
        await admin.close()


def in_a_loop_of_its_own(work: Coroutine[Any, Any, _T]) -> _T:
    """Run it to its end in a thread, so that sync and async tests can both call it."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
