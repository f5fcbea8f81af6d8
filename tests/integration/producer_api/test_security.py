"""Kafka by TLS with a client certificate, by SASL, and by both: with the right settings, and with each one wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from contract.record import decode
from kit.kafka_refusal import refusal
from kit.settings import KafkaSettings
from tests.integration.producer_api.conftest import StartProducer
from tests.integration.producer_api.posting import body
from tests.integration.producer_api.secured_kafka import PASSWORD, USER, SecuredKafka
from tests.integration.producer_api.topic import make_topic, records_on
from tests.namespace import in_a_loop_of_its_own
from tests.services import Service
from tests.waiting import wait_until

TOPIC = "secured"
WRONG_PASSWORD = "wrong-horse-battery"
SCRAM = {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-512"}

Settings = dict[str, str]


@pytest.fixture(scope="module")
def secured(infra: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """One running broker for all cases. ``infra`` has fetched what it is made of."""
    secured = SecuredKafka(tmp_path_factory.mktemp("secured-kafka"))
    secured.kafka.start()
    try:
        secured.kafka.wait()
        in_a_loop_of_its_own(make_topic(secured.address["PLAINTEXT"], TOPIC))
        yield secured
    finally:
        secured.kafka.stop()


def right(secured: SecuredKafka, protocol: str) -> dict[str, str]:
    """The settings with which the listener of this protocol lets us in, with PLAIN where it is SASL's."""
    files = secured.certificates
    values = {"KAFKA_BOOTSTRAP_SERVERS": secured.address[protocol], "KAFKA_SECURITY_PROTOCOL": protocol}
    if protocol.endswith("SSL"):
        values["KAFKA_SSL_CAFILE"] = str(files.authority)
    if protocol == "SSL":
        values |= {"KAFKA_SSL_CERTFILE": str(files.certificate), "KAFKA_SSL_KEYFILE": str(files.key)}
    if protocol.startswith("SASL"):
        values |= {"KAFKA_SASL_USERNAME": USER, "KAFKA_SASL_PASSWORD": PASSWORD}
    return values


async def asked(settings: Settings) -> str | None:
    """What ``refusal`` says to these settings."""
    fields: dict[str, Any] = {name.lower(): value for name, value in settings.items()}
    return await refusal(KafkaSettings(**fields), timeout_s=60)


@pytest.mark.parametrize(
    ("protocol", "mechanism"),
    [
        ("SSL", {}),
        ("SASL_PLAINTEXT", {}),
        ("SASL_PLAINTEXT", SCRAM),
        ("SASL_SSL", {}),
        ("SASL_SSL", SCRAM),
    ],
)
def test_actions_are_accepted_over_every_protocol(
    secured: SecuredKafka, start_producer: StartProducer, protocol: str, mechanism: Settings
) -> None:
    settings = right(secured, protocol) | mechanism
    producer = start_producer(secured.address[protocol], TOPIC, settings)
    answer = httpx.post(f"{producer.url}/log", json=body(user_id=protocol), timeout=30)
    assert answer.status_code == 200
    stored = in_a_loop_of_its_own(records_on(secured.address["PLAINTEXT"], TOPIC))
    assert answer.json()["ids"][0] in {decode(record.value).event_id for record in stored}
    assert PASSWORD not in producer.log


@pytest.mark.parametrize(
    ("protocol", "wrong", "reason"),
    [
        ("SASL_PLAINTEXT", {"KAFKA_SASL_PASSWORD": WRONG_PASSWORD}, "refuses our user or password"),
        ("SASL_SSL", SCRAM | {"KAFKA_SASL_PASSWORD": WRONG_PASSWORD}, "refuses our user or password"),
        ("SASL_SSL", {"KAFKA_SSL_CAFILE": ""}, "certificate is not trusted"),
    ],
)
def test_a_service_that_kafka_refuses_says_why_and_keeps_its_secrets(
    secured: SecuredKafka, start_producer: StartProducer, protocol: str, wrong: Settings, reason: str
) -> None:
    files = secured.certificates
    settings = right(secured, protocol) | {name: value or str(files.stranger) for name, value in wrong.items()}
    producer = start_producer(secured.address[protocol], TOPIC, settings, wait=False)
    wait_until(lambda: reason in unready(producer), 60, f"/readyz says: {reason}")
    refused = httpx.post(f"{producer.url}/log", json=body(), timeout=30)
    assert (refused.status_code, refused.json()["code"]) == (503, "kafka-unavailable")
    told = unready(producer) + refused.text + producer.log
    assert [secret for secret in (PASSWORD, WRONG_PASSWORD) if secret in told] == []
    assert secured.address[protocol] not in unready(producer) + refused.text


def unready(producer: Service) -> str:
    """What /readyz says while it is not ready; nothing while nobody listens."""
    try:
        answer = httpx.get(f"{producer.url}/readyz", timeout=5)
    except httpx.TransportError:
        return ""
    assert answer.status_code == 503
    return str(answer.json()["checks"]["kafka"])


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
async def test_who_is_let_in_is_told_of_no_refusal(secured: SecuredKafka, protocol: str) -> None:
    assert await asked(right(secured, protocol)) is None


@pytest.mark.parametrize(
    ("listener", "spoken"),
    [("SSL", "PLAINTEXT"), ("SASL_PLAINTEXT", "PLAINTEXT"), ("PLAINTEXT", "SSL"), ("SASL_SSL", "SSL")],
)
async def test_speaking_another_protocol_than_the_listener_is_recognised(
    secured: SecuredKafka, listener: str, spoken: str
) -> None:
    settings = right(secured, spoken) | {"KAFKA_BOOTSTRAP_SERVERS": secured.address[listener]}
    assert "may speak another kafka_security_protocol" in str(await asked(settings))


async def test_sasl_where_none_is_asked_for_is_recognised(secured: SecuredKafka) -> None:
    settings = right(secured, "SASL_PLAINTEXT") | {"KAFKA_BOOTSTRAP_SERVERS": secured.address["PLAINTEXT"]}
    assert "does not ask for SASL" in str(await asked(settings))


async def test_a_mechanism_that_is_not_offered_is_named(secured: SecuredKafka) -> None:
    settings = right(secured, "SASL_SSL") | {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"}
    assert await asked(settings) == "Kafka does not offer kafka_sasl_mechanism SCRAM-SHA-256"


async def test_a_missing_client_certificate_is_named(secured: SecuredKafka) -> None:
    settings = right(secured, "SSL")
    del settings["KAFKA_SSL_CERTFILE"]
    assert "check kafka_ssl_certfile" in str(await asked(settings))


async def test_an_encrypted_key_is_read_with_its_passphrase_and_never_asked_for_at_the_terminal(
    secured: SecuredKafka, tmp_path: Path
) -> None:
    key = load_pem_private_key(secured.certificates.key.read_bytes(), None)
    encrypted = tmp_path / "key.pem"
    passphrase = BestAvailableEncryption(b"right")
    encrypted.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, passphrase))
    settings = right(secured, "SSL") | {"KAFKA_SSL_KEYFILE": str(encrypted)}
    assert await asked(settings | {"KAFKA_SSL_PASSWORD": "right"}) is None
    for wrong in ({}, {"KAFKA_SSL_PASSWORD": "wrong"}):
        assert "certificates for Kafka cannot be loaded" in str(await asked(settings | wrong))


async def test_a_file_of_certificates_that_is_missing_is_told() -> None:
    settings = {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CAFILE": "missing.pem"}
    assert await asked(settings) == "the certificates for Kafka cannot be loaded (No such file or directory)"


async def test_a_broker_that_is_away_refuses_nobody() -> None:
    assert await asked({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}) is None
