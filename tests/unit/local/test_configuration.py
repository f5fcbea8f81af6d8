"""What Kafka and ClickHouse are told."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from deploy.local import kafka
from deploy.local.clickhouse import USERS_D, Engine, Shard

_NODE = kafka.Node(1, 9092, 9093, Path("/data/kafka"))
_ENGINE = Engine(Path("/lib.so"), 8123, Path("/a & b/<c>"), Path("/config"), 512)


def test_kafka_listens_on_this_machine_only() -> None:
    listeners = kafka.properties(_NODE)["listeners"]
    assert listeners == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"


def test_a_misspelt_topic_is_not_made_by_the_broker() -> None:
    assert kafka.properties(_NODE)["auto.create.topics.enable"] == "false"


def test_a_folder_of_any_script_is_where_kafka_finds_it(tmp_path: Path) -> None:
    """Java reads properties as Latin-1 with escapes."""
    node = replace(_NODE, data_dir=Path("/home/josé/数据😀/kafka"))
    broker = kafka.Broker(node, Path("java"), "", tmp_path / "server.properties", 192)
    broker.write_properties()
    written = broker.properties_file.read_bytes().decode("ascii")
    assert r"log.dirs=/home/jos\u00e9/\u6570\u636e\ud83d\ude00/kafka" in written.splitlines()


def test_cluster_ids_are_what_kafka_accepts() -> None:
    ids = {kafka.new_cluster_id() for _ in range(500)}
    assert len(ids) == 500
    assert all(len(text) == 22 and not text.startswith("-") for text in ids)


def test_clickhouse_listens_on_this_machine_only_and_without_the_native_port() -> None:
    root = _parsed(_ENGINE.config())
    assert [e.text for e in root.findall("listen_host")] == ["127.0.0.1"]
    assert root.findtext("http_port") == "8123"
    assert root.find("tcp_port") is None


def test_a_shard_also_listens_on_its_native_port_and_knows_the_others() -> None:
    shard = Shard("actionlog", [9001, 9002], 1, "<secret>")
    root = _parsed(replace(_ENGINE, shard=shard).config())
    assert root.findtext("tcp_port") == "9002"
    cluster = root.find("remote_servers/actionlog")
    assert cluster is not None
    assert cluster.findtext("secret") == "<secret>"
    assert [port.text for port in cluster.findall("shard/replica/port")] == ["9001", "9002"]


def test_a_path_with_xml_characters_survives() -> None:
    assert _parsed(_ENGINE.config()).findtext("path") == "/a & b/<c>/"


def test_no_password_stands_in_the_users_file() -> None:
    users = _parsed((USERS_D / "actionlog.xml").read_text()).find("users")
    assert users is not None
    roles = ("admin", "writer", "reader", "eraser")
    assert {user.tag for user in users} == {f"actionlog_{role}" for role in roles}
    for user in users:
        password = user.find("password")
        assert password is not None
        assert password.attrib == {"from_env": f"{user.tag.upper()}_PASSWORD"}
        assert not password.text


def _parsed(xml: str) -> ElementTree.Element:
    return ElementTree.fromstring(xml)  # noqa: S314 - our own text


def test_a_second_listener_tells_its_clients_the_other_address() -> None:
    node = kafka.Node(1, 9092, 9093, Path("/data/kafka"), kafka.Outside(9094, "broker.example:19094"))
    values = kafka.properties(node)
    assert values["listeners"] == "PLAINTEXT://127.0.0.1:9092,OUTSIDE://127.0.0.1:9094,CONTROLLER://127.0.0.1:9093"
    assert values["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9092,OUTSIDE://broker.example:19094"
    assert values["listener.security.protocol.map"] == "PLAINTEXT:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT"
