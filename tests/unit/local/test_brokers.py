"""One broker or three: what each is told, where it lies, and what a data folder made for others says."""

from pathlib import Path

import pytest

from deploy.local import brokers, kafka
from deploy.local.errors import DataFolderMismatchError, LocalError
from deploy.local.passwords import User
from deploy.local.services import SETUP, environment
from deploy.local.settings import LocalSettings

_USERS = {"admin": User("actionlog_admin", "secret")}


def _settings(folder: Path, number: int) -> LocalSettings:
    return LocalSettings(data_dir=folder, brokers=number, kafka_port=9092, kafka_controller_port=9093)


def _formatted(folder: Path, *names: str, cluster_id: str = "an-id") -> None:
    for name in names:
        (folder / name).mkdir()
        (folder / name / "meta.properties").write_text(f"version=1\ncluster.id={cluster_id}\nnode.id=1\n")


def test_three_brokers_vote_and_keep_three_copies_of_which_two_must_be_there(tmp_path: Path) -> None:
    cluster = brokers.nodes(_settings(tmp_path, 3))
    assert brokers.bootstrap(cluster) == "127.0.0.1:9092,127.0.0.1:9102,127.0.0.1:9112"
    for node in cluster:
        told = kafka.properties(node, cluster)
        assert told["controller.quorum.voters"] == "1@127.0.0.1:9093,2@127.0.0.1:9103,3@127.0.0.1:9113"
        assert told["node.id"] == str(node.node_id)
        assert told["log.dirs"] == str(tmp_path / f"kafka-{node.node_id}")
        assert {told[name] for name in told if name.endswith("replication.factor")} == {"3"}
        assert {told[name] for name in told if name.endswith(("min.isr", "min.insync.replicas"))} == {"2"}


def test_one_broker_is_where_it_always_was(tmp_path: Path) -> None:
    [node] = brokers.nodes(_settings(tmp_path, 1))
    assert (node.port, node.controller_port, node.data_dir) == (9092, 9093, tmp_path / "kafka")
    told = kafka.properties(node)
    assert {told[name] for name in told if name.endswith(("factor", "min.isr", "min.insync.replicas"))} == {"1"}


@pytest.mark.parametrize(("kafka_address", "copies"), [("a:1", ("1", "1")), ("a:1,b:2,c:3", ("3", "2"))])
def test_the_setup_makes_as_many_copies_as_the_brokers_allow(kafka_address: str, copies: tuple[str, str]) -> None:
    values = environment(SETUP, kafka=kafka_address, topic="t", clickhouse_url="", database="d", users=_USERS)
    assert (values["SETUP_TOPIC_REPLICATION_FACTOR"], values["SETUP_TOPIC_MIN_INSYNC_REPLICAS"]) == copies


@pytest.mark.parametrize(
    ("made", "number"), [(["kafka"], 3), (["kafka-1", "kafka-2", "kafka-3"], 1), (["kafka", "kafka-1"], 3)]
)
def test_a_folder_of_another_number_of_brokers_is_refused(tmp_path: Path, made: list[str], number: int) -> None:
    _formatted(tmp_path, *made)
    with pytest.raises(DataFolderMismatchError, match="make clean"):
        brokers.require_same_number(_settings(tmp_path, number))


@pytest.mark.parametrize(("made", "number"), [([], 3), (["kafka"], 1), (["kafka-2"], 3)])
def test_a_folder_of_the_same_number_is_taken_also_when_it_is_half_made(
    tmp_path: Path, made: list[str], number: int
) -> None:
    _formatted(tmp_path, *made)
    brokers.require_same_number(_settings(tmp_path, number))


def test_a_half_made_cluster_is_finished_under_its_id(tmp_path: Path) -> None:
    _formatted(tmp_path, "kafka-2", cluster_id="the-first-ones")
    assert brokers.cluster_id(brokers.nodes(_settings(tmp_path, 3))) == "the-first-ones"


@pytest.mark.parametrize(
    "unfit", [{"brokers": 2}, {"brokers": 3, "kafka_outside_port": 9094}, {"brokers": 3, "kafka_port": 65_520}]
)
def test_what_can_not_be_is_refused(unfit: dict[str, int]) -> None:
    with pytest.raises(LocalError):
        brokers.nodes(LocalSettings.model_validate(unfit))


def test_a_folder_that_kafka_would_take_for_two_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="no comma"):
        brokers.nodes(_settings(tmp_path / "a,b", 1))


def test_three_brokers_take_smaller_heaps_unless_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [brokers.heap_mb(_settings(tmp_path, number)) for number in (1, 3)] == [512, 384]
    monkeypatch.setenv("LOCAL_KAFKA_HEAP_MB", "512")
    assert brokers.heap_mb(_settings(tmp_path, 3)) == 512
