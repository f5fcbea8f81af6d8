"""The ClickHouse engine of the local stack: its configuration files and its command."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from deploy.local.ports import HOST
from deploy.local.settings import CHECKOUT

USERS_D = CHECKOUT / "deploy" / "clickhouse" / "users.d"

# The engine's own session is `default`, without a password, and there is no way to give it one. It opens before the
# server listens; since it is the only session `default` may have, every HTTP request as `default` is refused.
_USERS = """\
<clickhouse>
    <profiles>
        <default/>
        <engine>
            <max_sessions_for_user>1</max_sessions_for_user>
            <constraints><max_sessions_for_user><const/></max_sessions_for_user></constraints>
        </engine>
    </profiles>
    <quotas><default/></quotas>
    <users>
        <default>
            <password></password>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>engine</profile>
            <quota>default</quota>
            <grants>
                <query>GRANT SYSTEM LISTEN ON *.*</query>
                <query>GRANT READ ON FILE</query>
                <query>GRANT CREATE TEMPORARY TABLE ON *.*</query>
            </grants>
        </default>
    </users>
</clickhouse>
"""


@dataclass(frozen=True)
class Shard:
    """An engine's place in a cluster of shards on this machine, which only tests have.

    name        the cluster's, in ``remote_servers``
    tcp_ports   the native port of each shard, in their order: by it they ask each other
    number      which of them this engine is, from 0
    secret      what the engines know each other by; a query runs on every shard as the user who asked one
    """

    name: str
    tcp_ports: Sequence[int]
    number: int
    secret: str

    @property
    def tcp_port(self) -> int:
        return self.tcp_ports[self.number]

    def config(self) -> str:
        shards = "".join(
            f"<shard><replica><host>{HOST}</host><port>{port}</port></replica></shard>" for port in self.tcp_ports
        )
        return f"""\
    <tcp_port>{self.tcp_port}</tcp_port>
    <remote_servers><{self.name}><secret>{escape(self.secret)}</secret>{shards}</{self.name}></remote_servers>
    <macros><shard>{self.number + 1}</shard><replica>1</replica></macros>
"""


@dataclass(frozen=True)
class Engine:
    """How to run the engine: its library, its port, and the folders of its data and its configuration."""

    library: Path
    port: int
    data_dir: Path
    config_dir: Path
    memory_mb: int
    shard: Shard | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def write_config(self) -> None:
        """The server's configuration, its users, and beside them a copy of the project's users.d, which it merges."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.config_dir.mkdir(parents=True, exist_ok=True)
        (self.config_dir / "config.xml").write_text(self.config())
        (self.config_dir / "users.xml").write_text(_USERS)
        shutil.rmtree(self.config_dir / "users.d", ignore_errors=True)
        shutil.copytree(USERS_D, self.config_dir / "users.d")

    def config(self) -> str:
        """The server's configuration file. Only HTTP, but for a shard, and only on this machine."""
        data = escape(str(self.data_dir))
        temporary = escape(str(self.data_dir / "tmp"))
        return f"""\
<clickhouse>
    <path>{data}/</path>
    <tmp_path>{temporary}/</tmp_path>
    <user_files_path>{data}/user_files/</user_files_path>
    <http_port>{self.port}</http_port>
    <listen_host>{HOST}</listen_host>
    <users_config>{escape(str(self.config_dir / "users.xml"))}</users_config>
    <logger><console>1</console><console_log_level>error</console_log_level></logger>
    <max_server_memory_usage>{self.memory_mb << 20}</max_server_memory_usage>
    <mark_cache_size>{256 << 20}</mark_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <access_control_improvements>
        <table_engines_require_grant>true</table_engines_require_grant>
    </access_control_improvements>
    <send_crash_reports><enabled>false</enabled></send_crash_reports>
{self.shard.config() if self.shard else ""}</clickhouse>
"""

    def argv(self) -> list[str]:
        words = [str(self.library), str(self.config_dir / "config.xml"), *(["TCP"] if self.shard else [])]
        return [sys.executable, "-m", "deploy.local.engine", *words]
