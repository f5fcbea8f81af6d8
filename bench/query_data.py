"""The actions that the query benchmark reads: 90 days of them, made by ClickHouse itself, the same at every build.

Sessions of eight actions, about 300 at a time per 20 million rows; their users follow Zipf's law over half a million
names, so that the first has a twentieth of all actions and most have a handful. 20 types, as skewed. 2 % arrive up to
six hours late. One in 200 is a copy of an earlier one, as a client sends it again. Ids are UUIDv7 of the action's time.

They are inserted in the order in which they arrived, and merged, except for the newest: those come in nine blocks as
the sink cuts them, two days of 20 million actions, and stay unmerged, as a table looks like at any moment.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Final

DAYS: Final = 90
END_US: Final = 1_795_564_800_000_000  # 2026-11-25T00:00:00Z
USERS: Final = 500_000
DAY_US: Final = 86_400_000_000
_LARGE_BLOCK: Final = 1_000_000
_SINK_BLOCK: Final = 50_000
_RECENT_BLOCKS: Final = 9
_ROWS_PER_SLOT: Final = 66_667  # that many sessions go on at any time: 300 of 20 million rows
_TYPES: Final = (
    "'VIEW','CLICK','NAVIGATE','SCROLL','SEARCH','HOVER','ADD_TO_CART','FOCUS','LOGIN','PLAY','PAUSE','SHARE',"
    "'CHECKOUT','PURCHASE','LOGOUT','REVIEW','RATE','SUBSCRIBE','ERROR','REFUND'"
)

_INSERT: Final = """
INSERT INTO actions (event_id, user_id, session_id, type, time, utc_offset_minutes, received_at, properties,
                     partition, offset)
WITH
    toUInt64(number - 100 * (number % 200 = 199)) AS original,
    cityHash64(original, 1) AS one, cityHash64(original, 2) AS two, cityHash64(original, 3) AS three,
    intDiv(original, {slots:UInt64} * 8) * {slots:UInt64} + original % {slots:UInt64} AS session,
    cityHash64(session, 4) AS visit,
    toUInt32(exp(visit / 18446744073709551616. * log({users:UInt64}))) AS rank,
    {end_us:UInt64} - {step_us:UInt64} * ({rows:UInt64} - original) AS arrived_us,
    arrived_us - if(one % 50 = 0, two % 21600000000, two % 5000000) AS us,
    hex(intDiv(us, 1000)) AS ms, hex(two) AS a, leftPad(hex(three), 16, '0') AS b
SELECT
    toUUID(concat(substring(ms, 1, 8), '-', substring(ms, 9, 4), '-7', leftPad(substring(a, 1, 3), 3, '0'), '-8',
                  leftPad(substring(a, 4, 3), 3, '0'), '-', substring(b, 1, 12))),
    concat('user-', hex(cityHash64(rank, 5))),
    concat('session-', hex(visit)),
    [TYPES][toUInt8(exp(one / 18446744073709551616. * log(20.999)))],
    fromUnixTimestamp64Micro(us, 'UTC'),
    toInt16((toInt64(visit % 25) - 12) * 60),
    fromUnixTimestamp64Micro(
        toInt64({end_us:UInt64} - {step_us:UInt64} * ({rows:UInt64} - number) + 200000 + three % 100000), 'UTC'),
    concat('{"page":"/products/', toString(one % 20000), '","x":', toString(two % 1920), ',"y":',
           toString(three % 1080), ',"price":', toString((two % 100000) / 100), ',"campaign":"',
           ['spring','summer','autumn','winter'][1 + three % 4], '-', toString(visit % 40), '","element":"',
           ['button#save','a.nav-link','div.card > img','input[name=q]','button.add-to-cart'][1 + one % 5], '"}'),
    toUInt32(cityHash64(rank) % 12),
    number
FROM numbers({first:UInt64}, {count:UInt64})
""".replace("TYPES", _TYPES)

INSERT_SETTINGS: Final[Mapping[str, str]] = {
    "async_insert": "0",
    "optimize_on_insert": "0",  # as the sink inserts: a block is stored as it is
    "max_block_size": "1048576",
    "max_insert_block_size": "1048576",
    "min_insert_block_size_rows": "1048576",
    "min_insert_block_size_bytes": "0",
    "max_insert_threads": "1",
}


def user(rank: int) -> str:
    """SQL for the name of the user of that rank; 1 is the busiest."""
    return f"concat('user-', hex(cityHash64(toUInt32({rank}), 5)))"


def settled_blocks(rows: int) -> Iterator[tuple[int, int]]:
    """(first, count) of each insert of what is to be merged."""
    end = rows - _RECENT_BLOCKS * _recent_block(rows)
    for first in range(0, end, _LARGE_BLOCK):
        yield first, min(_LARGE_BLOCK, end - first)


def recent_blocks(rows: int) -> Iterator[tuple[int, int]]:
    """(first, count) of each insert of what is to stay as the sink cuts it."""
    size = _recent_block(rows)
    for first in range(rows - _RECENT_BLOCKS * size, rows, size):
        yield first, size


def parameters(rows: int, first: int, count: int) -> dict[str, str]:
    """The values that the statement of one block binds."""
    values = {
        "slots": max(1, rows // _ROWS_PER_SLOT),
        "users": USERS,
        "end_us": END_US,
        "step_us": DAYS * DAY_US // rows,
        "rows": rows,
        "first": first,
        "count": count,
    }
    return {name: str(value) for name, value in values.items()}


def statement() -> str:
    """The insert of one block; ``parameters`` has its values."""
    return _INSERT


def fingerprint(schema: str) -> str:
    """Names a build: another schema or other actions give another."""
    return hashlib.blake2b((schema + _INSERT + str(END_US)).encode(), digest_size=6).hexdigest()


def _recent_block(rows: int) -> int:
    return min(_SINK_BLOCK, rows // 400)
