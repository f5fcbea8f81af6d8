"""A ClickHouse of one test's own: stopped, configured anew and started again, and its disk taken from it."""

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from deploy.local import passwords, readiness
from deploy.local.child import tie_to_parent
from deploy.local.clickhouse import Engine
from deploy.local.components.engine_package import EnginePackage
from deploy.local.passwords import User
from deploy.local.settings import CHECKOUT, LocalSettings
from tests.infra import Infra
from tests.namespace import in_a_loop_of_its_own
from tests.ports import free_ports
from tests.waiting import wait_until

BACKUP_FILES: Final = CHECKOUT / "deploy" / "clickhouse" / "backup"

_START_S = 90.0
_STOP_S = 30.0
_MEMORY_MB = 1_500


class OwnClickHouse:
    """The local stack's engine with the project's users, and those files of deploy/clickhouse/backup.

    ``infra`` is the run's Kafka together with this ClickHouse, so that a namespace can be made of it.
    """

    def __init__(self, folder: Path, shared: Infra) -> None:
        (port,) = free_ports(1)
        library = EnginePackage(LocalSettings().cache_dir).library
        self.backups = folder / "backups"
        self._log = folder / "clickhouse.log"
        self._engine = Engine(library, port, folder / "data", folder / "config", _MEMORY_MB)
        self._users = passwords.load_or_create(folder / "passwords.json")
        self.backup_user = User("actionlog_backup", "backup-of-the-test")
        admin, writer, reader, eraser = (self._users[role] for role in passwords.ROLES)
        self.infra = replace(
            shared, clickhouse_url=self._engine.url, admin=admin, writer=writer, reader=reader, eraser=eraser
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        self._engine.write_config()
        self._users_d = self._engine.config_dir / "users.d"
        shutil.copytree(BACKUP_FILES / "config.d", self._engine.config_dir / "config.d")
        shutil.copytree(BACKUP_FILES / "users.d", self._users_d, dirs_exist_ok=True)

    def start(self) -> "OwnClickHouse":
        """Start it (again), and return once it answers. Not from a thread of a pool: it ends with its thread."""
        self._engine.data_dir.mkdir(parents=True, exist_ok=True)
        self._output = self._log.open("ab")
        self._process = subprocess.Popen(
            self._engine.argv(),
            cwd=CHECKOUT,
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=self._output,
            preexec_fn=tie_to_parent(),
        )
        wait_until(self._answers, _START_S, "ClickHouse answers")
        return self

    def stop(self) -> None:
        """End it cleanly, by the end of its standard input."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._forget()

    def lose_its_disk(self) -> None:
        """SIGKILL, and every file of its data is gone. Backups are elsewhere."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._forget()
        shutil.rmtree(self._engine.data_dir)

    def accept_passwords(self, user: str, *accepted: str) -> None:
        """From its next start on the user has these passwords, as docs/rotating.md says: by a file beside ours."""
        methods = "".join(
            f"<p{number}><password_sha256_hex>{hashlib.sha256(password.encode()).hexdigest()}</password_sha256_hex>"
            f"</p{number}>"
            for number, password in enumerate(accepted)
        )
        (self._users_d / f"{user}_passwords.xml").write_text(
            f'<clickhouse><users><{user}><password remove="1"/><auth_methods>{methods}</auth_methods></{user}></users>'
            "</clickhouse>\n"
        )

    def _environment(self) -> Mapping[str, str]:
        ours = passwords.environment(self._users)
        return {**ours, "ACTIONLOG_BACKUPS": f"{self.backups}/", "ACTIONLOG_BACKUP_PASSWORD": self.backup_user.password}

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"ClickHouse ended:\n{self._log.read_text(errors='replace')[-4000:]}"
        return in_a_loop_of_its_own(readiness.http_ok(f"{self._engine.url}/ping"))

    def _forget(self) -> None:
        self._process = None
        if self._output is not None:
            self._output.close()
            self._output = None
