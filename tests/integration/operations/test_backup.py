"""ClickHouse backed up, its disk lost, restored, and what the backup lacks filled again from Kafka: docs/backup.md."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from consumer.audit import Wanted as Audited
from consumer.audit import audit
from consumer.audit_report import Report
from consumer.rebuild import NotDone, Wanted, rebuild
from consumer.settings import Settings
from deploy.setup import apply
from tests.faults import books
from tests.faults.feeder import Feeder
from tests.integration.consumer import topic
from tests.integration.consumer.sinks import start
from tests.integration.operations.conftest import PARTITIONS
from tests.integration.operations.kafka_tools import kafka_tool
from tests.integration.operations.own_clickhouse import OwnClickHouse
from tests.namespace import Namespace, in_a_loop_of_its_own
from tests.stack import StartService
from tests.waiting import wait_until

_CAUGHT_UP_S = 90.0
_POISON = b"no action"


def backed_up(clickhouse: OwnClickHouse, statement: str) -> str:
    """A statement as the user who makes backups."""
    return replace(clickhouse.infra, reader=clickhouse.backup_user).query(statement, "reader")


def bytes_in(folder: Path) -> int:
    """Of the tables; ``.backup`` is the list of all files, those of the base too."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and file.name != ".backup")


def feed(namespace: Namespace, records: int) -> None:
    """So many actions of three months, and one record that is none; returns when Kafka has them."""
    feeder = Feeder(namespace, PARTITIONS, records).start()
    feeder.finish(60)
    in_a_loop_of_its_own(topic.write(namespace, 0, [_POISON]))


def caught_up(namespace: Namespace) -> None:
    wait_until(lambda: books.is_caught_up(namespace, PARTITIONS), _CAUGHT_UP_S, "all is stored and committed")


def audited(namespace: Namespace) -> Report:
    return in_a_loop_of_its_own(audit(settings(namespace, "writer"), Audited()))


def settings(namespace: Namespace, role: str) -> Settings:
    values = {key.removeprefix("CONSUMER_").lower(): text for key, text in namespace.environment("consumer").items()}
    user = namespace.infra.users[role]
    return Settings.model_validate(
        {**values, "clickhouse_user": user.name, "clickhouse_password": SecretStr(user.password)}
    )


def test_a_lost_disk_is_restored_and_the_sink_stores_what_the_backup_lacks(
    clickhouse: OwnClickHouse, unmerged: Namespace, start_service: StartService
) -> None:
    namespace = unmerged
    sink = start(start_service)
    feed(namespace, 900)
    caught_up(namespace)
    backed_up(clickhouse, f"BACKUP DATABASE {namespace.database} TO File('full')")
    streaming = Feeder(namespace, PARTITIONS, 3_000, per_second=1_500).start()
    streaming.wait_for(500)
    backed_up(clickhouse, f"BACKUP DATABASE {namespace.database} TO File('later') SETTINGS base_backup = File('full')")
    streaming.finish(60)
    feed(namespace, 300)
    caught_up(namespace)
    expected = books.sent(namespace, PARTITIONS)
    in_a_loop_of_its_own(topic.delete_before(namespace, 1, 200))  # older than Kafka's retention: in backups alone
    assert sink.terminate() == 0

    clickhouse.lose_its_disk()
    clickhouse.start()
    clickhouse.infra.query(f"RESTORE DATABASE {namespace.database} FROM File('later')")

    assert in_a_loop_of_its_own(apply(namespace.setup_settings(PARTITIONS))) == []
    restored = books.stored(namespace).rows.total()
    assert 900 <= restored < 4_200
    report = audited(namespace)
    assert not report.balanced
    assert f"{4_200 + 2 - restored - 1:,} missing" in report.as_text()  # the dead letter behind the backup, too
    with pytest.raises(NotDone, match="has 200 rows that the topic does not have any more"):
        in_a_loop_of_its_own(rebuild(settings(namespace, "admin"), Wanted()))

    kafka_tool("kafka-consumer-groups", namespace.infra.kafka_bootstrap, "--delete", "--group", namespace.group)
    again = start(start_service)
    caught_up(namespace)
    assert again.terminate() == 0
    assert not books.Books(expected, books.stored(namespace), books.merged_parts(namespace)).problems()
    assert audited(namespace).balanced


def test_a_restored_table_is_rebuilt_while_the_topic_still_has_everything(
    clickhouse: OwnClickHouse, namespace: Namespace, start_service: StartService
) -> None:
    sink = start(start_service)
    feed(namespace, 600)
    caught_up(namespace)
    backed_up(clickhouse, f"BACKUP DATABASE {namespace.database} TO File('full')")
    Feeder(namespace, PARTITIONS, 300).start().finish(60)
    caught_up(namespace)
    assert sink.terminate() == 0
    namespace.query("DROP DATABASE {db} SYNC")
    namespace.query("RESTORE DATABASE {db} FROM File('full')")
    start(start_service)  # it goes on behind the hole, which it does not see
    assert "300 missing" in audited(namespace).as_text()
    assert "900 rows inserted" in in_a_loop_of_its_own(rebuild(settings(namespace, "admin"), Wanted()))
    assert audited(namespace).balanced
    assert namespace.query("SELECT count() FROM {db}.actions") == "900"


def test_a_later_backup_holds_only_what_is_new(
    clickhouse: OwnClickHouse, unmerged: Namespace, start_service: StartService
) -> None:
    start(start_service)
    feed(unmerged, 3_000)
    caught_up(unmerged)
    backed_up(clickhouse, f"BACKUP DATABASE {unmerged.database} TO File('full')")
    feed(unmerged, 1)
    caught_up(unmerged)
    backed_up(clickhouse, f"BACKUP DATABASE {unmerged.database} TO File('later') SETTINGS base_backup = File('full')")
    assert backed_up(clickhouse, "SELECT status, count() FROM system.backups GROUP BY 1") == "BACKUP_CREATED\t2"
    assert bytes_in(clickhouse.backups / "later") < bytes_in(clickhouse.backups / "full") / 4


def test_who_is_to_be_erased_again_is_known_after_a_restore(clickhouse: OwnClickHouse, namespace: Namespace) -> None:
    asked = "INSERT INTO {db}.erasures (id, state, user_id, kafka_until, at) VALUES (generateUUIDv4(), 'requested',"
    namespace.query(f"{asked} 'long ago', now64(3) - INTERVAL 20 DAY, now64(3) - INTERVAL 30 DAY)", "eraser")
    namespace.query(f"{asked} 'last week', now64(3) + INTERVAL 3 DAY, now64(3) - INTERVAL 5 DAY)", "eraser")
    backed_up(clickhouse, f"BACKUP DATABASE {namespace.database} TO File('full')")
    namespace.query(f"{asked} 'since then', now64(3) + INTERVAL 8 DAY, now64(3))", "eraser")
    backed_up(clickhouse, f"BACKUP TABLE {namespace.database}.erasures TO File('erasures')")
    namespace.query("DROP DATABASE {db} SYNC")
    namespace.query("RESTORE DATABASE {db} FROM File('full')")
    namespace.query("RESTORE TABLE {db}.erasures AS {db}.erasures_later FROM File('erasures')")
    again = (
        "SELECT DISTINCT user_id FROM {db}.erasures_later WHERE state = 'requested'"
        " AND (kafka_until IS NULL OR kafka_until > now() - INTERVAL 1 MINUTE) ORDER BY user_id"
    )
    assert namespace.query(again) == "last week\nsince then"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count() FROM {db}.actions",
        "RESTORE DATABASE {db} FROM File('full')",
        "BACKUP DATABASE {db} TO File('/tmp/elsewhere')",
        "BACKUP DATABASE system TO File('system')",
        "DROP TABLE {db}.actions",
    ],
)
def test_who_makes_backups_can_do_nothing_else(clickhouse: OwnClickHouse, namespace: Namespace, statement: str) -> None:
    backed_up(clickhouse, f"BACKUP DATABASE {namespace.database} TO File('full')")
    with pytest.raises(RuntimeError, match=r"ACCESS_DENIED|not allowed for backups"):
        backed_up(clickhouse, statement.replace("{db}", namespace.database))
