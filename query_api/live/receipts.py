"""Reading your writes: ``after=<receipt>`` waits until what the receipt stands for is stored; every answer tells how
far the sink was when its queries began.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from starlette.requests import Request

from contract.receipt import Receipt, ReceiptError
from kit.problem import FieldError, Problem, unavailable
from query_api import metrics
from query_api.errors import LogUnavailable, Overloaded
from query_api.filtering.query_string import AFTER
from query_api.live.watermark import Reading, Watermark
from query_api.settings import Settings

# RFC 7240: a list of tokens; wait takes whole seconds; what is malformed or unknown is passed over.
_WAIT: Final = re.compile(r'(?i:wait)\s*=\s*(?:"(\d{1,9})"|(\d{1,9}))\s*(?:;.*)?', re.ASCII).fullmatch
_UNKNOWN: Final = "unknown"
_MAX_TOLD: Final = 5  # partitions in a problem's text

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer tells of the watermark: as it was read before the answer's queries; None when Kafka is away.

    waited_s   the wait that was asked for and granted; None when none was asked for
    """

    reading: Reading | None = None
    waited_s: int | None = None

    def headers(self) -> dict[str, str]:
        headers = {"Actionlog-Watermark": _UNKNOWN}
        if self.reading is not None:
            age_s = self.reading.age_s()
            metrics.WATERMARK_AGE.set(age_s)
            headers = {
                "Actionlog-Watermark": self.reading.receipt().encode(),
                "Actionlog-Watermark-Age-Ms": str(round(age_s * 1000)),
            }
        if self.waited_s is not None:
            headers["Preference-Applied"] = f"wait={self.waited_s}"
        return headers


class Receipts:
    """Lets requests wait; at most ``max_after_waiters`` at one time."""

    def __init__(self, watermark: Watermark, settings: Settings) -> None:
        self.watermark = watermark
        self._settings = settings
        self._waiting = 0

    async def awaited(self, request: Request) -> Told:
        """What the answer to this request will tell, once what its ``after`` stands for is stored.

        Without ``after`` it doesn't wait. Raises a Problem: 400 no receipt, 409 not of this topic, 503 Kafka is away or
        too many wait, 504 not stored in time.
        """
        receipt = read_after(request.scope["query_string"])
        if receipt is None:
            return Told(self.watermark.latest())
        preferred_s = preferred_wait_s(request.headers.getlist("prefer"))
        granted_s = None if preferred_s is None else min(preferred_s, self._settings.after_max_wait_s)
        wait_s = self._settings.after_default_wait_s if granted_s is None else granted_s
        with self._counted():
            return Told(await self._reached(receipt, wait_s), granted_s)

    async def _reached(self, receipt: Receipt, wait_s: int) -> Reading:
        deadline = time.monotonic() + wait_s
        reading = await self._asked(self.watermark.fresh, deadline)
        if not reading.passed(receipt):
            ends = await self._asked(self.watermark.ends, deadline)
            if any(offset >= ends.get(number, 0) for number, offset in receipt.offsets.items()):
                raise _not_of_this_topic()
        poll_s = self._settings.watermark_poll_ms / 1000
        while not reading.passed(receipt):
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                raise _not_yet_stored(reading, receipt, wait_s)
            await asyncio.sleep(min(poll_s, remaining_s))
            reading = await self._asked(lambda: self.watermark.fresh(poll_s), deadline)
        return reading

    async def _asked(self, ask: Callable[[], Awaitable[T]], deadline: float) -> T:
        """What Kafka answers; while it is away, or its coordinator moves, it is asked again until the deadline."""
        while True:
            try:
                return await ask()
            except LogUnavailable as error:
                remaining_s = deadline - time.monotonic()
                if remaining_s <= 0:
                    raise _unknown(error) from error
                await asyncio.sleep(min(self._settings.reconnect_pause_ms / 1000, remaining_s))

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        if self._waiting >= self._settings.max_after_waiters:
            raise Overloaded("too many requests wait for their receipts")
        self._waiting += 1
        metrics.AFTER_WAITERS.inc()
        try:
            yield
        finally:
            self._waiting -= 1
            metrics.AFTER_WAITERS.dec()


def read_after(query: bytes) -> Receipt | None:
    """The receipt in a raw query string; raises a Problem (400). Longer than any other parameter's value may be."""
    texts = [value for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True) if name == AFTER]
    if not texts:
        return None
    if len(texts) > 1:
        raise wrong_receipt(f"given {len(texts)} times; give it once")
    try:
        return Receipt.decode(texts[0])
    except ReceiptError as error:
        raise wrong_receipt(f"{error}; take `receipt` of POST /log's answer, unchanged") from error


def wrong_receipt(reason: str) -> Problem:
    return Problem(400, "invalid-request", f"{AFTER}: {reason}", errors=[FieldError(path=AFTER, reason=reason)])


def preferred_wait_s(headers: Sequence[str]) -> int | None:
    """``Prefer: wait=10`` in seconds; None without one. The first one counts."""
    preferences = [preference.strip() for header in headers for preference in header.split(",")]
    found = next((match for match in map(_WAIT, preferences) if match), None)
    return None if found is None else int(found[1] or found[2])


def _unknown(error: LogUnavailable) -> Problem:
    detail = f"What is stored is not known: {error}. Without `after` the same request is answered."
    return unavailable("watermark-unknown", detail, retry_after_s=2)


def _not_of_this_topic() -> Problem:
    return Problem(
        409,
        "receipt-not-of-this-topic",
        "The receipt stands for records beyond the topic's end: it was given out for another topic, or before this one "
        "was made again. What it stands for will never be stored here.",
    )


def _not_yet_stored(reading: Reading, receipt: Receipt, wait_s: int) -> Problem:
    behind = sorted(reading.behind(receipt).items())
    told = [f"partition {number} lacks {records:,} records" for number, records in behind[:_MAX_TOLD]]
    more = f" and {len(behind) - _MAX_TOLD} more partitions" if len(behind) > _MAX_TOLD else ""
    return Problem(
        504,
        "not-yet-stored",
        f"Not stored within {wait_s} s: {', '.join(told)}{more}. They are safe in Kafka; ask again, or wait longer "
        "(Prefer: wait=).",
        headers={"Retry-After": "1", **Told(reading, wait_s).headers()},
    )
