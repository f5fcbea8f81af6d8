"""An erasure: whose actions, up to where, and how far it has come."""

import enum
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from contract.tables import CLOCKS_APART_US


class State(enum.StrEnum):
    """Each follows the one before; ``removing`` may be left out.

    requested   written down: it will happen, whatever crashes
    hidden      no read shows what the sink had stored and committed by then
    settled     nor what it has stored since: it has passed the log's ends of the request
    removing    ClickHouse was asked to write the parts anew, since merges had not done it for long
    removed     no part of any table holds one of the rows
    """

    REQUESTED = "requested"
    HIDDEN = "hidden"
    SETTLED = "settled"
    REMOVING = "removing"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Erasure:
    """One request, with times in milliseconds since 1970.

    log_ends            where each partition of the topic ended at the request: the user's records below are meant
    foreign_until_us    rows at or beyond log_ends that were received until then are meant too: they are of an earlier
                        topic of the same name; None where there were none
    kafka_until_ms      by when the topic has dropped the records; None when it never does
    at_ms               when each state was reached; REQUESTED is there always
    rows                hidden in all
    """

    id: uuid.UUID
    user_id: str
    requested_by: str
    log_ends: Mapping[int, int]
    foreign_until_us: int | None
    kafka_until_ms: int | None
    at_ms: Mapping[State, int]
    state: State = State.REQUESTED
    rows: int = 0

    @property
    def received_before_us(self) -> int:
        """Whatever was accepted before the request was received before this, by any producer's clock.

        It keeps an erasure from the records of a later topic of the same name, whose offsets begin at 0 again. Kafka
        refuses records that are more than an hour ahead of its own clock (message.timestamp.after.max.ms).
        """
        return self.at_ms[State.REQUESTED] * 1000 + CLOCKS_APART_US

    def bounds(self, committed: Mapping[int, int]) -> dict[int, int]:
        """Up to where rows may be deleted now, by partition.

        Never beyond what the sink has committed: a block that it has begun and not finished is read back later, and
        must then be found whole. Were some of its rows gone, the sink would take it for torn, or store them again.
        """
        return {number: min(end, committed.get(number, 0)) for number, end in self.log_ends.items()}

    def waits_for(self, committed: Mapping[int, int]) -> dict[int, int]:
        """Of each partition, how many records the sink has yet to pass until it has stored all that are meant."""
        left = {number: end - committed.get(number, 0) for number, end in self.log_ends.items()}
        return {number: records for number, records in left.items() if records > 0}


@dataclass(frozen=True, slots=True)
class Found:
    """Of one user's rows in one partition of the topic: the offset after the last, and the latest ``received_at``."""

    partition: int
    end: int
    received_us: int


def foreign_until(found: list[Found], log_ends: Mapping[int, int]) -> int | None:
    """``found`` before ``log_ends`` were asked for: a row is never ahead of its record, so what lies beyond the log is
    of an earlier topic."""
    beyond = [rows.received_us for rows in found if rows.end > log_ends.get(rows.partition, 0)]
    return max(beyond, default=None)
