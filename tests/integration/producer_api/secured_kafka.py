"""One broker that is entered by TLS with client certificates, by SASL, and by both, each at a port of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from deploy.local.ports import HOST
from tests.integration.producer_api.own_kafka import OwnKafka
from tests.ports import free_ports

USER: Final = "actionlog"
PASSWORD: Final = "correct-horse-battery"
_JAAS = "org.apache.kafka.common.security"
# By Kafka's names of listeners: what each asks for.
_PROTOCOLS = {"TLS": "SSL", "SASL": "SASL_PLAINTEXT", "BOTH": "SASL_SSL"}


@dataclass(frozen=True)
class Certificates:
    """PEM files of an authority made for the test, and of one that the broker does not know."""

    authority: Path
    certificate: Path
    key: Path
    stranger: Path


class SecuredKafka:
    """A real broker, formatted and not yet running. ``address`` is by security protocol."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.certificates = _client_files(folder, authority)
        plain, *ports = free_ports(1 + len(_PROTOCOLS))
        self.address = {protocol: f"{HOST}:{port}" for protocol, port in zip(_PROTOCOLS.values(), ports, strict=True)}
        self.address["PLAINTEXT"] = f"{HOST}:{plain}"
        scram = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        overrides = _listeners(plain, self.address) | _tls(folder, authority) | _sasl()
        self.kafka = OwnKafka(folder, port=plain, overrides=overrides, format_options=["--add-scram", scram])


def _listeners(plain_port: int, address: dict[str, str]) -> dict[str, str]:
    """Beside the listeners that every local broker has; the plain one is the broker's own, and for making topics."""
    plain = f"PLAINTEXT://{HOST}:{plain_port}"
    ours = ",".join(f"{name}://{address[protocol]}" for name, protocol in _PROTOCOLS.items())
    protocols = ",".join(f"{name}:{protocol}" for name, protocol in _PROTOCOLS.items())
    (controller_port,) = free_ports(1)
    return {
        "listeners": f"{plain},{ours},CONTROLLER://{HOST}:{controller_port}",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "advertised.listeners": f"{plain},{ours}",
        "listener.security.protocol.map": f"PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{protocols}",
    }


def _tls(folder: Path, authority: trustme.CA) -> dict[str, str]:
    keystore = folder / "broker.pem"
    broker = authority.issue_cert(HOST, "localhost")
    keystore.write_bytes(_pkcs8(broker) + b"".join(blob.bytes() for blob in broker.cert_chain_pems))
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "listener.name.tls.ssl.client.auth": "required",
    }


def _sasl() -> dict[str, str]:
    plain = f'{_JAAS}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
    scram = f"{_JAAS}.scram.ScramLoginModule required;"
    return {
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "listener.name.sasl.plain.sasl.jaas.config": plain,
        "listener.name.sasl.scram-sha-512.sasl.jaas.config": scram,
        "listener.name.both.plain.sasl.jaas.config": plain,
        "listener.name.both.scram-sha-512.sasl.jaas.config": scram,
    }


def _client_files(folder: Path, authority: trustme.CA) -> Certificates:
    files = Certificates(*(folder / f"{name}.pem" for name in ("ca", "client", "client-key", "stranger")))
    client = authority.issue_cert("actionlog@example.org")
    authority.cert_pem.write_to_path(str(files.authority))
    trustme.CA().cert_pem.write_to_path(str(files.stranger))
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in client.cert_chain_pems))
    client.private_key_pem.write_to_path(str(files.key))
    return files


def _pkcs8(certificate: trustme.LeafCert) -> bytes:
    """The key in the one form that Kafka reads."""
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
