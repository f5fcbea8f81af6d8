"""Why Kafka does not let us in: its clients say no more than that they could not connect."""

import asyncio
import ssl
from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection, collect_hosts
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from kit.kafka import connection_options
from kit.settings import KafkaSettings

_GOODBYE_S: Final = 1.0  # TLS says goodbye

_WRONG_PROTOCOL: Final = "Kafka closes our connections: its listener may speak another kafka_security_protocol"


async def refusal(settings: KafkaSettings, *, timeout_s: float) -> str | None:
    """Connect to one broker after the other: why the first one refuses us, or None when none does or none answers.

    Takes ``timeout_s`` seconds at most. The sentence may be shown to clients: it holds no address, user or password.
    """
    try:
        options = connection_options(settings)
    except OSError as error:
        return f"the certificates for Kafka cannot be loaded ({getattr(error, 'reason', None) or error.strerror})"
    try:
        async with asyncio.timeout(timeout_s):
            for host, port, _ in collect_hosts(options.pop("bootstrap_servers")):
                if (reason := await _refusal_by(host, port, options, settings)) is not None:
                    return reason
    except TimeoutError:
        pass
    return None


async def _refusal_by(host: str, port: int, options: dict[str, Any], settings: KafkaSettings) -> str | None:
    connection = AIOKafkaConnection(host, port, **options)
    try:
        await connection.connect()
        await connection.send(MetadataRequest([]))  # the first request that a broker answers only to whom it let in
    except OSError as error:  # no connection was made, or nothing is answered on it
        return _sentence(error, settings)
    except (KafkaError, ValueError) as error:  # ValueError: aiokafka's for a broker that fails SCRAM
        reason = _sentence(error, settings)
    else:
        reason = None
    finally:
        closed = connection.close()
    await asyncio.wait([closed], timeout=_GOODBYE_S)
    return reason


def _sentence(error: Exception, settings: KafkaSettings) -> str | None:
    match error:
        case ssl.SSLCertVerificationError():
            return f"Kafka's certificate is not trusted ({error.verify_message}): check kafka_ssl_cafile"
        case ssl.SSLError():
            return f"TLS with Kafka fails ({error.reason}): check kafka_security_protocol"
        case KafkaConnectionError(__cause__=ssl.SSLError(reason=reason)):
            return f"Kafka refuses our TLS ({reason}): check kafka_ssl_certfile and kafka_ssl_keyfile"
        case SaslAuthenticationFailed() | ValueError():
            return "Kafka refuses our user or password: check kafka_sasl_username and kafka_sasl_password"
        case UnsupportedSaslMechanismError():
            return f"Kafka does not offer kafka_sasl_mechanism {settings.kafka_sasl_mechanism}"
        case IllegalSaslStateError():
            return "Kafka's listener does not ask for SASL: check kafka_security_protocol"
        case ConnectionResetError() | KafkaConnectionError():
            return _WRONG_PROTOCOL
    return None
