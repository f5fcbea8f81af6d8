"""A benchmark keeps the user's settings of the services, tells them, and keeps secrets and addresses out."""

from bench.stack import changed_settings


def test_changed_settings_of_the_services_are_told() -> None:
    environment = {"CONSUMER_FLUSH_AFTER_MS": "200", "PRODUCER_COMPRESSION": "zstd", "HOME": "/home/me", "LANG": "C"}
    assert changed_settings(environment) == {"CONSUMER_FLUSH_AFTER_MS": "200", "PRODUCER_COMPRESSION": "zstd"}


def test_neither_secrets_nor_addresses_of_other_systems_are_passed_on() -> None:
    names = ["QUERY_CURSOR_SECRET", "CONSUMER_CLICKHOUSE_PASSWORD", "CONSUMER_CLICKHOUSE_USER", "QUERY_CLICKHOUSE_URL"]
    names += ["PRODUCER_KAFKA_BOOTSTRAP_SERVERS", "PRODUCER_PORT", "SETUP_CLICKHOUSE_DATABASE", "CONSUMER_KAFKA_TOPIC"]
    assert changed_settings(dict.fromkeys(names, "x")) == {}
