"""A broker of one test's own, to be stopped, killed and frozen without disturbing the others."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from deploy.local import readiness
from deploy.local.child import tie_to_parent
from deploy.local.components.java import find_java
from deploy.local.components.kafka_jars import KafkaJars
from deploy.local.kafka import Broker, Node
from deploy.local.ports import HOST
from deploy.local.settings import LocalSettings
from tests.namespace import in_a_loop_of_its_own
from tests.ports import free_ports
from tests.waiting import wait_until

_START_S = 60.0
_FORMAT_S = 60.0
_FREEZE_S = 10.0


class OwnKafka:
    """A real broker on a free port, formatted and not yet running."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        overrides: Mapping[str, str] | None = None,
        format_options: Sequence[str] = (),
    ) -> None:
        settings = LocalSettings()
        free_port, controller_port = free_ports(2)
        node = Node(1, port or free_port, controller_port, folder / "data")
        classpath = KafkaJars(settings.cache_dir).classpath
        file = folder / "server.properties"
        self._broker = Broker(
            node,
            find_java(settings.java),
            classpath,
            file,
            256,
            overrides=overrides or {},
            format_options=format_options,
        )
        self._log = folder / "kafka.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._broker.write_properties()
        subprocess.run(self._broker.format_argv(), check=True, capture_output=True, timeout=_FORMAT_S)

    @property
    def address(self) -> str:
        return self._broker.node.address

    def start(self) -> None:
        """Start it (again). Not from a thread of a pool: the kernel ends it with the thread that started it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._broker.argv(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=tie_to_parent(),
            )

    def ensure_running(self) -> None:
        """Start it unless it runs already, and return once it answers."""
        if self._process is None:
            self.start()
        self.wait()

    def wait(self) -> None:
        """Return once it answers."""
        try:
            wait_until(self._answers, _START_S, "Kafka answers")
        except AssertionError as error:
            error.add_note(self._log.read_text(errors="replace")[-4000:])
            raise

    def stop(self) -> None:
        """SIGKILL: what it has not written to its log is gone from its memory too."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered. Returns once its threads have stopped."""
        self._signal(signal.SIGSTOP)
        assert self._process is not None
        broker = psutil.Process(self._process.pid)
        wait_until(lambda: broker.status() == psutil.STATUS_STOPPED, _FREEZE_S, "Kafka stands still")

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "Kafka ended while starting"
        return in_a_loop_of_its_own(readiness.kafka_answers(HOST, self._broker.node.port))
