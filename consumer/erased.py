"""Erased records: those whose user asked for it, up to where the topic ended then (docs/erasure.md).

``query_api`` writes the table ``erasures`` and deletes the rows. Here it tells the audit which records need not be
stored, and the rebuild which ones must not be.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from contract.tables import CLOCKS_APART_US


class Erasure(NamedTuple):
    """One request: the partitions' ends then, and its moment in microseconds since 1970."""

    user_id: str
    log_ends: Mapping[int, int]
    at_us: int

    @property
    def received_before_us(self) -> int:
        """Records received later are of a later topic of the same name."""
        return self.at_us + CLOCKS_APART_US


class Erased:
    """All erasures of one topic."""

    def __init__(self, erasures: Iterable[Erasure] = ()) -> None:
        self.of_user: dict[str, list[Erasure]] = defaultdict(list)
        for erasure in erasures:
            self.of_user[erasure.user_id].append(erasure)

    def covers(self, user_id: str, partition: int, offset: int, received_us: int) -> bool:
        """Whether the record there, of this user and received then, is erased."""
        if user_id not in self.of_user:
            return False
        return any(
            offset < erasure.log_ends.get(partition, 0) and received_us < erasure.received_before_us
            for erasure in self.of_user[user_id]
        )


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    return round(moment.timestamp() * 1_000_000)
