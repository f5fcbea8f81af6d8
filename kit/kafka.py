"""Connection options of the Kafka clients, from settings."""

import ssl
from typing import Any

from aiokafka.errors import KafkaConnectionError, RequestTimedOutError

from kit.settings import KafkaSettings


def connection_options(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments that aiokafka's producer, consumer and admin client share."""
    protocol = settings.kafka_security_protocol
    options: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in settings.kafka_bootstrap_servers.split(",")],
        "security_protocol": protocol,
    }
    if protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(settings)
    if protocol.startswith("SASL") and settings.kafka_sasl_password is not None:
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = settings.kafka_sasl_password.get_secret_value()
    return options


def mend_timeouts(client: Any) -> None:
    """To be called with the ``AIOKafkaClient`` inside a producer, a consumer or an admin client, before it starts.

    Two errors that aiokafka 0.14 does not expect end its task of the group, of the fetches or of the batches, for good.
    Of two requests that time out at once on one connection, the second fails with a KeyError: it is a timeout like the
    first. And uvloop writes to a connection that has just been cut with a RuntimeError, where aiokafka expects OSError.
    The task of the metadata, which goes past ``send``, would end by them as well, and all who need them wait for ever.
    """
    send, update = client.send, client._metadata_update

    async def mended(*arguments: Any, **options: Any) -> Any:
        try:
            return await send(*arguments, **options)
        except KeyError as error:
            raise RequestTimedOutError from error
        except RuntimeError as error:
            raise KafkaConnectionError(str(error)) from error

    async def updated(cluster: Any, topics: Any) -> Any:
        try:
            return await update(cluster, topics)
        except (KeyError, RuntimeError):
            cluster.failed_update(None)  # as where no broker answers
            return False

    client.send = mended
    client._metadata_update = updated


def _ssl_context(settings: KafkaSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.kafka_ssl_cafile)
    if settings.kafka_ssl_certfile is not None:
        passphrase = settings.kafka_ssl_password
        context.load_cert_chain(
            settings.kafka_ssl_certfile,
            settings.kafka_ssl_keyfile,
            passphrase.get_secret_value() if passphrase else "",  # None would ask for it at the terminal
        )
    return context
