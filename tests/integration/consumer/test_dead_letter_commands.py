"""An operator's commands on the real servers: what they show, and that a replay publishes each record once."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from consumer.block import build
from consumer.dead_letter_commands import main
from consumer.dead_letter_shards import DeadLetterShards
from consumer.dead_letter_table import DeadLetterTable, Letter, Wanted
from consumer.dead_letters import DeadLetter
from consumer.errors import SinkError
from consumer.replay import Replay
from consumer.replay_topic import ReplayTopic
from consumer.settings import Settings
from consumer.store import Store
from tests.integration.consumer import topic
from tests.namespace import Namespace
from tests.stack import StartService
from tests.unit.consumer.records import Record, record
from tests.waiting import wait_until

BAD = [
    Record(3, b'{"event_id": "\x1b[2J\xe2\x80\xae"}'),
    Record(7, b"\xff\x00", key=None),
    Record(9, b"{}", key=b"other"),
]
Command = Callable[..., Awaitable[tuple[int, str, str]]]


def ids(namespace: Namespace, records: list[Record] = BAD, partition: int = 1) -> list[str]:
    return [DeadLetter.of(namespace.topic, partition, item, "").event_id for item in records]


@pytest.fixture
async def letters(namespace: Namespace, store: Store) -> list[str]:
    """Three dead letters of partition 1; their ids."""
    [part] = build(namespace.topic, 1, 0, 10, BAD).sub_blocks
    await store.insert(part, part.token)
    return ids(namespace)


@pytest.fixture
def command(namespace: Namespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``await command("list", "--json")``: exit code, output, messages."""
    for name, value in namespace.environment("consumer").items():
        monkeypatch.setenv(name, value)

    async def run(*words: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, words)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
async def replay(settings: Settings) -> AsyncIterator[Replay]:
    opened = Replay(DeadLetterShards(settings), ReplayTopic(settings))
    await opened.open()
    yield opened
    await opened.close()


async def on_topic(namespace: Namespace) -> list[ConsumerRecord[Any, Any]]:
    """Every committed record, in order of partition and offset.

    Up to the ends that a reader of uncommitted ones sees: Kafka answers a commit before its mark is in the partition.
    """
    tps, servers = [TopicPartition(namespace.topic, number) for number in range(3)], namespace.infra.kafka_bootstrap
    async with AIOKafkaConsumer(bootstrap_servers=servers) as everything:
        ends = await everything.end_offsets(tps)
    async with AIOKafkaConsumer(bootstrap_servers=servers, isolation_level="read_committed") as consumer:
        consumer.assign(tps)
        await consumer.seek_to_beginning()
        records: list[ConsumerRecord[Any, Any]] = []
        async with asyncio.timeout(60):
            while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    records += batch
    return sorted(records, key=lambda item: (item.partition, item.offset))


def replays_of(records: list[ConsumerRecord[Any, Any]]) -> list[str]:
    return [value.decode() for item in records for name, value in item.headers if name == "replay-of"]


async def test_list_shows_one_line_each_and_filters(command: Command, letters: list[str]) -> None:
    code, out, _ = await command("list")
    assert code == 0
    heading, *lines = out.splitlines()
    assert heading.split() == ["id", "stored", "partition", "offset", "code", "state", "bytes", "reason"]
    assert [line.split()[0] for line in lines] == letters[::-1]
    assert lines[1].split()[2:7] == ["1", "7", "0", "open", "2"]
    now = datetime.now(UTC)
    before, after = ((now + timedelta(hours=hours)).isoformat() for hours in (-1, 1))
    for words, found in {
        ("--reason", "NOT UTF-8"): [letters[1]],
        ("--partition", "2"): [],
        ("--partition", "1", "--since", before, "--until", after): letters[::-1],
        ("--since", after): [],
        ("--until", before): [],
        ("--limit", "1"): letters[2:],
        ("--open",): letters[::-1],
        ("--replayed",): [],
    }.items():
        _, out, _ = await command("list", *words)
        assert [line.split()[0] for line in out.splitlines()[1:]] == found, words


async def test_json_lines_hold_keys_and_values(command: Command, letters: list[str]) -> None:
    _, out, _ = await command("list", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["id"] for row in rows] == letters[::-1]
    assert (rows[0]["key"], rows[0]["value"]) == ("other", "{}")
    assert (rows[1]["key"], rows[1]["value_base64"]) == ("", "/wA=")
    assert rows[2]["value"] == (BAD[0].value or b"").decode()
    assert rows[2]["state"] == "open"
    assert rows[2]["recorded_at"] == "2023-11-14T22:13:20.000Z"
    assert "\x1b" not in out


async def test_show_tells_everything_and_lets_no_value_drive_the_terminal(command: Command, letters: list[str]) -> None:
    code, out, _ = await command("show", letters[0])
    assert code == 0
    assert '{"event_id": "\\x1b[2J\\u202e"}' in out
    assert out.replace("\n", "").isprintable()
    _, out, _ = await command("show", letters[1])
    assert "hex ff00 (2 bytes)" in out
    code, _, err = await command("show", str(uuid.uuid4()))
    assert (code, "no dead letter" in err) == (1, True)


async def test_a_replay_publishes_each_record_again_once(
    command: Command, letters: list[str], namespace: Namespace
) -> None:
    code, out, err = await command("replay", letters[0], letters[1], letters[0])
    assert (code, err) == (0, "2 published, 2 looked at\n")
    records = await on_topic(namespace)
    assert [(item.partition, item.key, item.value) for item in records] == [
        (1, b"user", BAD[0].value),
        (1, None, BAD[1].value),
    ]
    assert replays_of(records) == letters[:2]
    assert out.splitlines()[1] == f"{letters[1]}  published, partition 1, offset {records[1].offset}"
    code, out, err = await command("replay", letters[0])
    assert (code, err) == (0, "0 published, 1 looked at\n")
    assert "was replayed before, partition 1, offset 0" in out
    assert len(await on_topic(namespace)) == 2
    _, out, _ = await command("list", "--replayed", "--json")
    assert {json.loads(line)["id"] for line in out.splitlines()} == set(letters[:2])


async def test_all_open_within_the_filters(command: Command, letters: list[str], namespace: Namespace) -> None:
    await command("replay", letters[2])
    code, out, err = await command("replay", "--all-open", "--partition", "1", "--dry-run")
    assert (code, err) == (0, "would replay 2; nothing was published\n")
    assert [line.split()[0] for line in out.splitlines()[1:]] == letters[:2]
    assert len(await on_topic(namespace)) == 1
    for words in (["--reason", "no such reason"], ["--partition", "1"], ["--partition", "1"]):
        assert (await command("replay", "--all-open", *words))[0] == 0
    assert sorted(replays_of(await on_topic(namespace))) == sorted(letters)


async def test_a_corrected_value_is_stored_as_an_action(
    command: Command, letters: list[str], namespace: Namespace, tmp_path: Path, start_service: StartService
) -> None:
    corrected = tmp_path / "value.json"
    corrected.write_bytes(record(0).value or b"")
    assert (await command("replay", letters[2], "--value-file", str(corrected)))[0] == 0
    service = start_service("consumer", port=None, FLUSH_AFTER_MS="50", KAFKA_SESSION_TIMEOUT_MS="2000")
    wait_until(lambda: namespace.query("SELECT partition, offset FROM {db}.actions") == "1\t0", 60, "it is stored")
    await topic.write(namespace, 1, [record(0).value])  # behind the transaction's marker, which takes an offset
    wait_until(
        lambda: namespace.query("SELECT arraySort(groupArray(offset)) FROM {db}.actions") == "[0,2]", 60, "it goes on"
    )
    assert service.terminate() == 0


async def test_a_replay_that_is_refused_again_is_a_new_dead_letter(
    command: Command, letters: list[str], namespace: Namespace, start_service: StartService
) -> None:
    await command("replay", letters[1])
    start_service("consumer", port=None, FLUSH_AFTER_MS="50", KAFKA_SESSION_TIMEOUT_MS="2000")
    wait_until(lambda: namespace.query("SELECT count() FROM {db}.dead_letters") == "4", 60, "a new dead letter")
    _, out, _ = await command("list", "--open", "--json")
    newest = json.loads(out.splitlines()[0])
    assert (newest["offset"], newest["value_base64"], newest["id"] in letters) == (0, "/wA=", False)


async def begun(replay: Replay, letters: list[str]) -> list[Letter]:
    """A replay up to and with its intents."""
    found = await replay.read(letters)
    await replay.intend(found)
    return found


async def test_killed_between_publishing_and_marking_it_publishes_nothing_twice(
    command: Command, letters: list[str], namespace: Namespace, replay: Replay
) -> None:
    await topic.write(namespace, 0, [record(0).value for _ in range(50)])
    await replay.publish(await begun(replay, letters[:2]))
    _, out, _ = await command("list", "--json")
    assert [json.loads(line)["state"] for line in out.splitlines()] == ["open", "interrupted", "interrupted"]
    code, out, err = await command("replay", *letters)
    assert (code, err) == (0, "1 published, 3 looked at\n")
    assert out.count("was published by an interrupted replay, partition 1") == 2
    assert sorted(replays_of(await on_topic(namespace))) == sorted(letters)
    _, out, _ = await command("list", "--open")
    assert len(out.splitlines()) == 1


async def test_killed_between_intent_and_publishing_it_is_published(
    command: Command, letters: list[str], namespace: Namespace, replay: Replay
) -> None:
    await begun(replay, letters[:1])
    assert (await command("replay", letters[0]))[0] == 0
    assert replays_of(await on_topic(namespace)) == letters[:1]


async def test_of_two_replays_at_once_the_first_can_publish_nothing_more(
    command: Command, letters: list[str], namespace: Namespace, replay: Replay
) -> None:
    """Also when it has read that the letter is open, and writes its intent after the other is through."""
    seen = await replay.read(letters[:1])
    assert (await command("replay", letters[0]))[0] == 0
    await replay.intend(seen)
    with pytest.raises(SinkError, match="another replay of this topic"):
        await replay.publish(seen)
    assert (await command("replay", letters[0]))[0] == 0
    assert replays_of(await on_topic(namespace)) == letters[:1]


async def test_a_transaction_that_was_left_open_is_dropped_and_its_letters_published(
    command: Command, letters: list[str], namespace: Namespace, replay: Replay
) -> None:
    """Killed in the middle of publishing: records are on the topic that no reader of committed ones will see."""
    await begun(replay, letters[:1])
    producer = replay._topic._producer
    await producer.begin_transaction()
    await producer.send_and_wait(namespace.topic, b"half", partition=1, headers=[("replay-of", letters[0].encode())])
    assert (await command("replay", letters[0]))[0] == 0
    assert [(item.value, item.partition) for item in await on_topic(namespace)] == [(BAD[0].value, 1)]


async def test_what_retention_took_away_is_told_and_nothing_is_published(
    command: Command, letters: list[str], namespace: Namespace, replay: Replay
) -> None:
    await begun(replay, letters[:1])
    await topic.write(namespace, 1, [record(0).value for _ in range(5)])
    await topic.delete_before(namespace, 1, 3)
    code, _, err = await command("replay", letters[0])
    assert (code, "lost offsets 0 to 2 to retention" in err) == (1, True)
    assert replays_of(await on_topic(namespace)) == []


async def test_more_letters_than_one_transaction_takes(command: Command, namespace: Namespace, store: Store) -> None:
    bad = [Record(offset, b"%d" % offset) for offset in range(120)]
    [part] = build(namespace.topic, 1, 0, 120, bad).sub_blocks
    await store.insert(part, part.token)
    code, _, err = await command("replay", "--all-open")
    assert (code, err) == (0, "120 published, 120 looked at\n")
    assert [item.value for item in await on_topic(namespace)] == [item.value for item in bad]


async def test_a_missing_table_is_told_with_what_to_run(command: Command, namespace: Namespace) -> None:
    namespace.query("DROP TABLE {db}.dead_letter_replays SYNC")
    code, _, err = await command("list")
    assert code == 1
    assert "run `python -m deploy.setup`" in err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["list", "--partition", "-1"], "'-1' is no number from 0 to"),
        (["list", "--limit", "none"], "'none' is no number from 1 to 1000000"),
        (["list", "--since", "yesterday"], "'yesterday' is no time"),
        (["list", "--until", "0001-01-01T00:00:00Z"], "is no time from 1970 on"),
        (["list", "--until", "9999-12-31T23:59:59-10:00"], "is no time from 1970 on"),
        (["show", "no-id"], "'no-id' is no id of a dead letter"),
        (["replay", str(uuid.UUID(int=1)), "--value-file", "/no/such/file"], "/no/such/file: No such file"),
        (["replay", str(uuid.UUID(int=1)), "--partition", "1"], "filters are for --all-open"),
    ],
)
def test_wrong_words_are_refused_with_the_reason(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(words)
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["replay"],
        ["replay", "--all-open", str(uuid.uuid4())],
        ["replay", "--all-open", "--value-file", __file__],
        ["replay", str(uuid.uuid4()), "--reason", "constraint", "--dry-run"],
        ["replay", "no-id"],
        ["list", "--since", "2026-03-14T12:00:00"],
        ["list", "--limit", "0"],
        ["list", "--open", "--replayed"],
    ],
)
def test_wrong_words_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(words)
    assert refused.value.code == 2
    assert "usage" in capsys.readouterr().err


async def test_the_table_reads_what_it_wrote(letters: list[str], settings: Settings) -> None:
    table = DeadLetterTable(settings)
    await table.open()
    try:
        await table.intend(letters[:1], {0: 5, 1: 6})
        await table.intend(letters[:1], {0: 7, 1: 4, 2: 1})
        await table.mark({letters[1]: (2, 17)})
        first, second, third = await table.select(Wanted(), limit=10)
    finally:
        await table.close()
    assert (first.state, first.log_ends) == ("interrupted", {0: 5, 1: 4, 2: 1})
    assert (second.state, second.replayed_partition, second.replayed_offset) == ("replayed", 2, 17)
    assert (third.state, third.raw_value, third.raw_key) == ("open", b"{}", b"other")
