"""Records that can't be stored as actions, and records that come twice: the others are none the worse for them."""

from datetime import UTC, datetime

import msgspec
import pytest

from contract.record import encode
from tests.faults.rig import Rig
from tests.unit.consumer.records import action

_MARCH = datetime(2020, 3, 14, 12, tzinfo=UTC)


@pytest.mark.timeout(400)
def test_poison_among_50_000(rig: Rig) -> None:
    """Of both kinds at once: what is no action, and an action that a rule of the table refuses."""
    rig.namespace.query("ALTER TABLE {db}.actions ADD CONSTRAINT no_poison CHECK type != 'POISON'")
    refused = [msgspec.structs.replace(action(time=_MARCH), type="POISON") for _ in range(2)]
    rig.consumer(MAX_BLOCK_ROWS="20000", FLUSH_AFTER_MS="400")
    rig.feed(25_000).finish(120)
    rig.write(0, [b"\xff\xfe no action", encode(refused[0])])
    rig.write(1, [None, encode(refused[1]), b"{}"])
    rig.feed(25_000).finish(120)
    seen = rig.settle(120, refused=[item.event_id for item in refused])
    assert (seen.stored.rows.total(), seen.stored.poison.total()) == (50_000, 5)


@pytest.mark.parametrize("point", ["mid-insert:2", "after-insert:2", "after-insert:5", "after-insert:9"])
def test_a_sink_killed_while_it_looks_for_the_refused_record(rig: Rig, point: str) -> None:
    rig.namespace.query("ALTER TABLE {db}.actions ADD CONSTRAINT no_poison CHECK type != 'POISON'")
    refused = [msgspec.structs.replace(action(time=_MARCH), type="POISON") for _ in range(3)]
    for number, item in enumerate(refused):
        rig.feed(300).finish(60)
        rig.write(number, [encode(item), b"no action"])
    rig.feed(300).finish(60)
    rig.consumer(FAILPOINT=point, wait=False).wait_killed()
    rig.consumer()
    seen = rig.settle(120, refused=[item.event_id for item in refused])
    assert (seen.stored.rows.total(), seen.stored.poison.total()) == (1_200, 6)


def test_what_producers_sent_twice_is_a_row_per_position_and_one_action(rig: Rig) -> None:
    """A producer that repeats after a lost answer writes the same ids again: FINAL hides them."""
    values = [encode(action(time=_MARCH)) for _ in range(500)]
    rig.consumer()
    for _ in range(3):
        rig.write(0, values)
        rig.feed(100).finish(60)
    seen = rig.settle(60)
    assert (seen.stored.rows.total(), len(seen.stored.ids)) == (1_800, 800)
    assert rig.namespace.query("SELECT count() FROM {db}.actions FINAL") == "800"
