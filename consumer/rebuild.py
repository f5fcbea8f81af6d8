"""`python -m consumer rebuild`: a new table from the topic, while the sink goes on, swapped in without a gap.

1. fill     ``actions_rebuild``, made like ``actions``, gets every record below the group's committed offsets, in rounds
            until little is left. Nobody reads it, and only this process writes it.
2. pause    ``actions`` takes no more inserts, and those that had begun have ended: it stands still. The sink waits as
            for a busy ClickHouse; reads go on.
3. finish   The new table gets the rest: everything below the committed offsets, and of the block that the sink has
            begun, what stands in ``actions``. Now both hold the same records.
4. swap     EXCHANGE TABLES. The sink's next insert goes to the new table, which is not paused; whatever it was unsure
            of, it reads back there, and finds what it would have found in the old one. The old table stays paused, so
            that nothing can land there any more, and is kept as ``actions_before_rebuild``.

So no row is lost, none is there twice, and a reader sees no gap: fresh actions come some moments later while it is
paused. Killed anywhere, it is run again: it finds the tables as they are, ends its earlier attempts, and inserts only
what is not there. One window is left: a sink that was frozen (SIGSTOP, a machine's pause) right before an insert, lost
its partitions, and wakes after the swap, repeats a block under a token which the new table has not seen. Its rows are
then there twice; FINAL shows them once, merges remove them, and the audit names them.

Exit codes: 0 done, 1 not done (the message says why), 2 wrong usage, 3 Kafka or ClickHouse away: run it again.
"""

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consumer.books import REBUILT, Id
from consumer.errors import SinkError, StoreRefused, StoreUnavailable
from consumer.intent import Position
from consumer.log_reader import LogReader
from consumer.rebuild_fill import Filler
from consumer.rebuild_store import BEFORE, RebuildStore, is_paused
from consumer.settings import Settings
from contract.tables import ACTIONS

DONE, NOT_DONE, AWAY = 0, 1, 3
_MAX_ROUNDS = 20  # a sink that is faster than the rebuild is paused with what is left then
_LAST_OFFSET = (1 << 63) - 1
_LISTED = 10
_SHARDS = (
    "rebuild works on one server, and clickhouse_shard_urls names several. What a shard has lost the sink stores again"
    " by itself when it finds no committed offsets: stop it, delete the group's offsets of the shard's partitions, and"
    ' start it (docs/operations.md, "With several shards")'
)
_RESUME_PAUSES_S = (0.1, 0.3, 1, 3, 5, 10, 10)


class NotDone(Exception):  # noqa: N818 - an outcome
    """Why the rebuild does not go on; a sentence for the operator."""


@dataclass(frozen=True)
class Wanted:
    """allow_loss: swap although the old table has rows that the topic can't give back."""

    allow_loss: bool = False


class Rebuild:
    """``run()`` once. ``filled``: the new table has every record below, by partition."""

    def __init__(self, store: RebuildStore, log: LogReader, settings: Settings, wanted: Wanted) -> None:
        self._store = store
        self._log = log
        self._settings = settings
        self._wanted = wanted
        self._filler = Filler(store, log, settings)
        self._checked: dict[int, int] = {}
        self._erased: set[Id] = set()
        self.filled: dict[int, int] = {}

    async def run(self) -> str:
        """Answers what was done. Raises NotDone and SinkError; ``actions`` is left paused by none of them."""
        await self._store.end_earlier_attempts("rebuild-")
        tables = await self._store.tables()
        if is_paused(tables.get(REBUILT, "")):  # killed between the exchange and the renaming
            await self._store.keep_old()
            await self._erase_requested(ACTIONS)
            return f"finished an earlier rebuild: the old table is {BEFORE}"
        try:
            await self._store.resume()
            await self._begin(tables)
            rows = await self._fill()
            paused = time.monotonic()
            await self._pause_and_swap()
            paused_s = time.monotonic() - paused
        except BaseException:
            await self._resume()
            raise
        await self._store.keep_old()
        await self._erase_requested(ACTIONS)  # what was asked for since the last look, and done in the old table
        return (
            f"rebuilt {ACTIONS} from topic {self._settings.kafka_topic}: {rows + self._filler.rows:,} rows inserted,"
            f" {self._filler.rows:,} of them while inserts were paused for {paused_s:.1f} s; the old table is {BEFORE}"
        )

    async def _resume(self) -> None:
        """Also when it is ClickHouse's failure that ends the rebuild."""
        for pause_s in _RESUME_PAUSES_S:
            try:
                return await self._store.resume()
            except StoreUnavailable:
                await asyncio.sleep(pause_s)
        raise NotDone(f"ClickHouse is away, and {ACTIONS} may be paused: once it is back, run `rebuild` again")

    async def _begin(self, tables: dict[str, str]) -> None:
        if BEFORE in tables:
            raise NotDone(f"{BEFORE} is there from an earlier rebuild: look at it, then run `rebuild --drop-old`")
        if views := await self._store.views():
            raise NotDone(
                f"views are fed by {ACTIONS} and would stay with the old table: drop {', '.join(views)} first"
            )
        partitions = await self._log.partitions()
        bounds = await self._log.bounds(partitions)
        self.filled = {number: start for number, (start, _) in bounds.items()}
        self._checked = dict.fromkeys(partitions, 0)
        if REBUILT not in tables:
            await self._refuse_early_loss()
            await self._store.create()
            self._filler.table_is_new = True

    async def _refuse_early_loss(self) -> None:
        """Before hours of filling: rows whose records retention has deleted."""
        before = [await self._store.count(number, 0, start) for number, start in self.filled.items()]
        if sum(before) and not self._wanted.allow_loss:
            raise NotDone(_loss(sum(before), "their records are before the log's start"))

    async def _fill(self) -> int:
        """Rounds up to the watermark, until one finds little; then the checks that need no pause."""
        self._filler.erased = await self._store.erased(self._settings.kafka_topic)
        for _ in range(_MAX_ROUNDS):
            if await self._fill_to(await self._log.committed()) <= self._settings.max_block_rows:
                break
        self._filler.table_is_new = False
        await self._store.erase_again(self._erased)
        await self._erase_requested(REBUILT)
        await self._refuse_loss(dict(self.filled))
        rows, self._filler.rows = self._filler.rows, 0
        return rows

    async def _fill_to(self, positions: Mapping[int, Position]) -> int:
        """Up to the watermarks; how many offsets that were."""
        ends = {number: end for number, (_, end) in (await self._log.bounds(list(self.filled))).items()}
        filled = 0
        for number, position in positions.items():
            start, end = self.filled.get(number, 0), min(position.committed, ends.get(number, 0))
            if end > start:
                await self._filler.fill(number, start, end)
                self.filled[number] = end
                filled += end - start
        return filled

    async def _pause_and_swap(self) -> None:
        await self._store.pause()
        # Read once and after the pause: each row of the old table is below one of these, or in a block begun there.
        positions = await self._log.committed()
        await self._fill_to(positions)
        for number, position in positions.items():
            if number in self.filled and position.intent is not None:
                await self._filler.fill(number, position.committed, position.intent, only_stored=True)
        await self._store.erase_again(self._erased)
        await self._erase_requested(REBUILT)
        await self._refuse_loss(dict.fromkeys(self.filled, _LAST_OFFSET))
        others = await self._store.count_from_partition(len(self.filled))
        if others and not self._wanted.allow_loss:
            raise NotDone(_loss(others, "they name partitions that the topic does not have"))
        await self._store.exchange()

    async def _erase_requested(self, table: str) -> None:
        """Users' erasures, those of just now too; never rows of a block that the sink has begun."""
        self._filler.erased = await self._store.erased(self._settings.kafka_topic)
        committed = {number: position.committed for number, position in (await self._log.committed()).items()}
        await self._store.erase_requested(table, self._filler.erased, committed)

    async def _refuse_loss(self, up_to: dict[int, int]) -> None:
        """Rows of the old table that the new one does not have, at offsets that were not compared yet."""
        total, listed = 0, list[str]()
        for number, end in up_to.items():
            count, rows = await self._store.only_in_old(
                number, self._checked[number], end, _LISTED, self._filler.erased
            )
            total += count
            listed += [f"{number}/{row.offset}" for row in rows]
            self._checked[number] = end
        if total and not self._wanted.allow_loss:
            raise NotDone(_loss(total, f"at partition/offset {', '.join(listed[:_LISTED])}, ..."))


def _loss(rows: int, where: str) -> str:
    return (
        f"{ACTIONS} has {rows:,} rows that the topic does not have any more ({where}). --allow-loss leaves them behind"
    )


async def rebuild(settings: Settings, wanted: Wanted) -> str:
    """A whole rebuild. Raises NotDone and SinkError."""
    store, log = RebuildStore(settings), LogReader(settings)
    try:
        await store.open()
        await log.open()
        return await Rebuild(store, log, settings, wanted).run()
    finally:
        await log.close()
        await store.close()


async def drop_old(settings: Settings) -> str:
    store = RebuildStore(settings)
    try:
        await store.open()
        there = BEFORE in await store.tables()
        await store.drop(BEFORE)
    finally:
        await store.close()
    return f"dropped {BEFORE}" if there else f"there is no {BEFORE}"


async def abandon(settings: Settings) -> str:
    """Undo an unfinished rebuild. Raises NotDone after the exchange: then there is nothing to undo."""
    store = RebuildStore(settings)
    try:
        await store.open()
        tables = await store.tables()
        if is_paused(tables.get(REBUILT, "")):
            raise NotDone("the tables are exchanged already: run `rebuild` again to finish")
        await store.end_earlier_attempts("rebuild-")
        await store.resume()
        await store.drop(REBUILT)
    finally:
        await store.close()
    return f"{f'dropped {REBUILT}' if REBUILT in tables else f'there is no {REBUILT}'}; {ACTIONS} is as it was"


def main(argv: Sequence[str]) -> int:
    """The exit code."""
    arguments = _parser().parse_args(argv)
    logging.disable(logging.CRITICAL)  # the clients log each attempt; one sentence at the end says it better
    settings = _as_admin(Settings(), arguments.clickhouse_user)
    if len(settings.shard_urls) > 1:
        sys.stderr.write(f"not rebuilt: {_SHARDS}\n")
        return NOT_DONE
    steps = {"drop_old": drop_old, "abandon": abandon}
    chosen = next((step for name, step in steps.items() if getattr(arguments, name)), None)
    work = chosen(settings) if chosen else rebuild(settings, Wanted(arguments.allow_loss))
    try:
        sys.stdout.write(asyncio.run(work) + "\n")
    except NotDone as error:
        sys.stderr.write(f"not rebuilt: {error}\n")
        return NOT_DONE
    except SinkError as error:
        sys.stderr.write(f"not rebuilt: {error}\n")
        return NOT_DONE if isinstance(error, StoreRefused) else AWAY
    return DONE


def _as_admin(settings: Settings, user: str | None) -> Settings:
    return settings.model_copy(
        update={
            "clickhouse_user": user or settings.rebuild_clickhouse_user or settings.clickhouse_user,
            "clickhouse_password": settings.rebuild_clickhouse_password or settings.clickhouse_password,
        }
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m consumer rebuild",
        description=f"Fills a new table from the topic and swaps it with {ACTIONS}, while the sink goes on. Killed"
        f" anywhere, run it again. The old table stays as {BEFORE}.",
        epilog="Needs a ClickHouse user that may create, alter and drop tables and end queries, such as the one of"
        " deploy.setup: CONSUMER_REBUILD_CLICKHOUSE_USER and CONSUMER_REBUILD_CLICKHOUSE_PASSWORD (or a secret file)."
        " Exit code: 0 done; 1 not done, and why; 2 wrong usage; 3 Kafka or ClickHouse did not answer.",
    )
    parser.add_argument(
        "--allow-loss", action="store_true", help="swap although the old table has rows that the topic can't give back"
    )
    parser.add_argument("--clickhouse-user", metavar="NAME", help="instead of CONSUMER_REBUILD_CLICKHOUSE_USER")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--drop-old", action="store_true", help=f"instead: drop {BEFORE}")
    instead.add_argument("--abandon", action="store_true", help="instead: undo a rebuild that was killed")
    return parser
