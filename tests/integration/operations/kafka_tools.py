"""Kafka's own command-line tools, as an operator runs them: ``kafka-consumer-groups``, ``kafka-configs``."""

import subprocess
from typing import Final

from deploy.local.components.java import find_java
from deploy.local.components.kafka_jars import KafkaJars
from deploy.local.settings import LocalSettings

_CLASSES: Final = {
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-configs": "kafka.admin.ConfigCommand",
}
_TIMEOUT_S = 120.0


def kafka_tool(name: str, bootstrap: str, *words: str) -> str:
    """What it prints. Raises AssertionError with its words when it fails."""
    settings = LocalSettings()
    java = str(find_java(settings.java))
    classpath = KafkaJars(settings.cache_dir).classpath
    argv = [java, "-Xmx128m", "-cp", classpath, _CLASSES[name], "--bootstrap-server", bootstrap, *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert done.returncode == 0, f"{name} {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout
