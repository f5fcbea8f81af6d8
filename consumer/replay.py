"""Replaying dead letters: each is published again once, even when the command is killed at any point.

intended   a row that says where the topic's partitions end, written before anything is published
published  the record is on the topic, with the header ``replay-of=<id>``
marked     a row that says where it stands

Who finds a letter intended and not marked looks on the topic from those ends on, and publishes it only when it is not
there. Two operators at once: the second to start ends the first one's right to publish (consumer/replay_topic.py), and
looks on the topic only then. The first one stops with an error; whatever it had published is found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from consumer.dead_letter_shards import DeadLetterShards
from consumer.dead_letter_table import Letter, Wanted
from consumer.replay_topic import Copy, ReplayTopic


class Outcome(Enum):
    PUBLISHED = "published"
    FOUND = "was published by an interrupted replay"
    ALREADY = "was replayed before"
    UNKNOWN = "there is no such dead letter"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one dead letter; ``place``: partition and offset of the new record."""

    event_id: str
    outcome: Outcome
    place: tuple[int, int] | None


class Replay:
    """``open()`` before use, which ends every other replay of the topic. Raises SinkErrors."""

    def __init__(self, table: DeadLetterShards, topic: ReplayTopic) -> None:
        self._table = table
        self._topic = topic

    async def open(self) -> None:
        await self._table.open()
        await self._topic.open()

    async def close(self) -> None:
        await self._topic.close()
        await self._table.close()

    async def run(self, event_ids: Sequence[str], value: bytes | None = None) -> list[Replayed]:
        """Replay these dead letters; ``value`` instead of the stored one."""
        letters = {letter.event_id: letter for letter in await self.read(event_ids)}
        found = await self.find([letter for letter in letters.values() if letter.state == "interrupted"])
        missing = [letter for letter in letters.values() if letter.state != "replayed" and letter.event_id not in found]
        await self.intend([letter for letter in missing if letter.state == "open"])
        places = await self.publish(missing, value)
        await self._table.mark(places)
        return [_told(key, letters.get(key), found, places) for key in event_ids]

    async def read(self, event_ids: Sequence[str]) -> list[Letter]:
        """As they are once no other replay can change them."""
        return await self._table.select(Wanted(ids=event_ids), limit=len(event_ids))

    async def find(self, interrupted: Sequence[Letter]) -> dict[str, tuple[int, int]]:
        """Those of them that are on the topic, which are marked by this."""
        if not interrupted:
            return {}
        numbers = set[int]().union(*(letter.log_ends for letter in interrupted))
        ends = {number: min(letter.log_ends.get(number, 0) for letter in interrupted) for number in numbers}
        found = await self._topic.find([letter.event_id for letter in interrupted], ends)
        await self._table.mark(found)
        return found

    async def intend(self, letters: Sequence[Letter]) -> None:
        if letters:
            await self._table.intend([letter.event_id for letter in letters], await self._topic.ends())

    async def publish(self, letters: Sequence[Letter], value: bytes | None = None) -> dict[str, tuple[int, int]]:
        """To where they stood, with the same key, in one transaction."""
        if not letters:
            return {}
        return await self._topic.publish([_copy(letter, value) for letter in letters])


def _copy(letter: Letter, value: bytes | None) -> Copy:
    raw = letter.raw_value if value is None else value
    return Copy(letter.event_id, letter.partition, letter.raw_key or None, raw)


def _told(
    key: str, letter: Letter | None, found: dict[str, tuple[int, int]], places: dict[str, tuple[int, int]]
) -> Replayed:
    if letter is None:
        return Replayed(key, Outcome.UNKNOWN, None)
    if key in places:
        return Replayed(key, Outcome.PUBLISHED, places[key])
    if key in found:
        return Replayed(key, Outcome.FOUND, found[key])
    return Replayed(key, Outcome.ALREADY, (letter.replayed_partition, letter.replayed_offset))
