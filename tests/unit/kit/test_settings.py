from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from deploy.setup import SetupSettings
from kit.kafka import connection_options
from kit.settings import ClickHouseSettings, KafkaSettings, ServiceSettings


class Settings(ServiceSettings, KafkaSettings, ClickHouseSettings):
    model_config = SettingsConfigDict(env_prefix="PROBE_", extra="ignore", frozen=True)


def test_a_setting_is_read_from_the_environment_under_the_services_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_KAFKA_BOOTSTRAP_SERVERS", "one:1,two:2")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "another:9")
    assert Settings().kafka_bootstrap_servers == "one:1,two:2"


def test_a_secret_is_read_from_a_file_named_like_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "probe_clickhouse_password").write_text("s3cret\n")
    monkeypatch.setenv("ACTIONLOG_SECRETS_DIR", str(tmp_path))
    settings = Settings()
    assert settings.clickhouse_password.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)


def test_the_setups_secrets_come_from_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "setup_clickhouse_password").write_text("s3cret")
    monkeypatch.setenv("ACTIONLOG_SECRETS_DIR", str(tmp_path))
    assert SetupSettings().clickhouse_password.get_secret_value() == "s3cret"


def test_sasl_without_a_password_is_refused_at_start() -> None:
    with pytest.raises(ValidationError, match="kafka_sasl_username and kafka_sasl_password"):
        Settings(kafka_security_protocol="SASL_SSL")


@pytest.mark.parametrize("url", ["127.0.0.1:8123", "tcp://x:9000", ""])
def test_a_url_that_is_not_http_is_refused_at_start(url: str) -> None:
    with pytest.raises(ValidationError, match="clickhouse_url"):
        Settings(clickhouse_url=url)


def test_one_server_is_its_own_only_shard() -> None:
    assert Settings(clickhouse_url="http://one:1").shard_urls == ("http://one:1",)


def test_shards_keep_the_order_they_are_given_in() -> None:
    assert Settings(clickhouse_shard_urls="http://b:1,https://a:2").shard_urls == ("http://b:1", "https://a:2")


@pytest.mark.parametrize(
    "urls", ["b:1", "http://b:1,", "http://b:1,tcp://a:2", "http://b:1, http://a:2", "http://b:1,http://b:1"]
)
def test_urls_that_can_be_no_shards_are_refused_at_start(urls: str) -> None:
    with pytest.raises(ValidationError, match="clickhouse_shard_urls"):
        Settings(clickhouse_shard_urls=urls)


def test_a_plain_connection_needs_only_the_brokers() -> None:
    assert connection_options(Settings(kafka_bootstrap_servers="one:1, two:2")) == {
        "bootstrap_servers": ["one:1", "two:2"],
        "security_protocol": "PLAINTEXT",
    }


def test_a_sasl_connection_over_tls_verifies_the_broker_and_names_the_user() -> None:
    options = connection_options(
        Settings(
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_mechanism="SCRAM-SHA-512",
            kafka_sasl_username="actionlog",
            kafka_sasl_password=SecretStr("s3cret"),
        )
    )
    assert options["ssl_context"].check_hostname
    assert (options["sasl_mechanism"], options["sasl_plain_username"]) == ("SCRAM-SHA-512", "actionlog")
    assert options["sasl_plain_password"] == "s3cret"


def test_a_sample_secret_is_refused_at_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "probe_clickhouse_password").write_text("sample-clickhouse_reader_password\n")
    monkeypatch.setenv("ACTIONLOG_SECRETS_DIR", str(tmp_path))
    with pytest.raises(ValidationError, match="clickhouse_password is a sample secret"):
        Settings()


def test_a_refusal_of_settings_that_contradict_each_other_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("PROBE_KAFKA_SASL_PASSWORD", "s3cret")
    with pytest.raises(ValidationError, match="kafka_sasl_username") as refused:
        Settings()
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("endless", ["inf", "nan"])
def test_a_bound_is_a_number(monkeypatch: pytest.MonkeyPatch, endless: str) -> None:
    monkeypatch.setenv("PROBE_DRAIN_TIMEOUT_S", endless)
    with pytest.raises(ValidationError, match="drain_timeout_s"):
        Settings()
