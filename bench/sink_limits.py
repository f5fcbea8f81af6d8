"""``python -m bench.sink_limits fetch|store …``: what bounds the sink, each in a process of its own.

``fetch``  a bare aiokafka loop that fetches the backlog and checks each record against the contract: as fast as one
           Python process can take records from Kafka
``store``  the backlog as the sink's own blocks, all built before the clock starts, inserted as the sink inserts: as
           fast as ClickHouse takes them

Prints one JSON object: ``{"records", "seconds", "cpu_s"}``.
"""

import argparse
import asyncio
import gc
import json
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import uvloop
from aiokafka import AIOKafkaConsumer

from bench import sink_backlog
from consumer.block import Block, build
from consumer.settings import Settings
from consumer.store import Store
from consumer.topic_record import TopicRecord
from contract.record import decode
from kit.server import freeze_startup_objects

_FETCH_MS: Final = 1_000


def _consumer(servers: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest")


async def fetch(servers: str) -> dict[str, float]:
    """Fetch and check everything once."""
    total = await sink_backlog.end_of(servers)
    async with _consumer(servers) as consumer:
        consumer.assign(sink_backlog.partitions())
        await consumer.seek_to_beginning()
        freeze_startup_objects()
        began_s, cpu_before_s, records = time.monotonic(), time.process_time(), 0
        while records < total:
            for batch in (await consumer.getmany(timeout_ms=_FETCH_MS)).values():
                for record in batch:
                    decode(record.value)
                records += len(batch)
        return _run(records, began_s, cpu_before_s)


async def store(servers: str) -> dict[str, float]:
    """Insert everything once, into the database that the consumer's settings name."""
    settings = Settings()
    blocks = await _blocks(servers, settings.max_block_rows)
    opened = Store(settings)
    await opened.open()
    gc.collect()
    gc.freeze()
    slots = asyncio.Semaphore(settings.max_concurrent_inserts)
    began_s, cpu_before_s = time.monotonic(), time.process_time()

    async def insert(block: Block) -> None:
        async with slots:
            for part in block.sub_blocks:
                await opened.insert(part, part.token)

    await asyncio.gather(*map(insert, blocks))
    run = _run(sum(block.actions for block in blocks), began_s, cpu_before_s)
    await opened.close()
    return run


async def _blocks(servers: str, rows: int) -> list[Block]:
    total = await sink_backlog.end_of(servers)
    waiting: dict[int, list[TopicRecord]] = {}
    blocks: list[Block] = []
    async with _consumer(servers) as consumer:
        consumer.assign(sink_backlog.partitions())
        await consumer.seek_to_beginning()
        fetched = 0
        while fetched < total:
            for partition, batch in (await consumer.getmany(timeout_ms=_FETCH_MS)).items():
                fetched += len(batch)
                records = waiting.setdefault(partition.partition, [])
                records.extend(batch)
                while len(records) >= rows:
                    blocks.append(_block(partition.partition, records[:rows]))
                    del records[:rows]
    return blocks + [_block(partition, records) for partition, records in waiting.items() if records]


def _block(partition: int, records: Sequence[TopicRecord]) -> Block:
    return build(sink_backlog.TOPIC, partition, records[0].offset, records[-1].offset + 1, records)


def _run(records: int, began_s: float, cpu_before_s: float) -> dict[str, float]:
    seconds = time.monotonic() - began_s
    return {"records": records, "seconds": seconds, "cpu_s": time.process_time() - cpu_before_s}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.sink_limits", description=__doc__)
    parser.add_argument("limit", choices=("fetch", "store"))
    parser.add_argument("servers", help="host:port of a broker")
    options = parser.parse_args(arguments)
    work: Any = fetch if options.limit == "fetch" else store
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(work(options.servers))))


if __name__ == "__main__":
    main(sys.argv[1:])
