"""Rate limits: token buckets, each one number, in a bounded table.

A bucket holds ``burst`` requests and is refilled by ``per_s`` of them a second. Instead of the tokens it keeps the
moment at which it will be full again (the generic cell rate algorithm): nothing has to refill it. Moments are seconds
of one monotonic clock.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence

from producer_api import metrics

_ROUNDING_S = 1e-9


class Limit:
    """How much: ``burst`` requests at once, ``per_s`` (> 0) requests a second in the long run."""

    def __init__(self, name: str, per_s: float, burst: int) -> None:
        self.name, self.per_s, self.burst = name, per_s, burst
        self.interval_s = 1 / per_s
        self.depth_s = burst * self.interval_s
        self.policy = f'"{name}";q={burst};w={math.ceil(self.depth_s)}'
        self.shown = f'"{name}";r=%d;t=%d'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Limit) and (self.policy, self.per_s) == (other.policy, other.per_s)

    def __hash__(self) -> int:
        return hash(self.policy)


def limit(name: str, per_s: float, burst: int) -> Limit | None:
    """The limit, or None when ``per_s`` is 0: there is none."""
    return Limit(name, per_s, burst) if per_s > 0 else None


class Bucket:
    """What one client has left of its limit."""

    __slots__ = ("_full_at", "limit")

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._full_at = -math.inf

    def take(self, now: float) -> float:
        """Take one request, and answer 0; or take nothing, and answer the seconds until there will be one."""
        limit = self.limit
        full_at = max(self._full_at, now) + limit.interval_s
        wait_s = full_at - now - limit.depth_s
        if wait_s > _ROUNDING_S:
            return wait_s
        self._full_at = full_at
        return 0.0

    def full_in_s(self, now: float) -> float:
        """Seconds until nothing of the use so far is remembered."""
        return max(self._full_at - now, 0.0)

    def left(self, now: float) -> str:
        """The requests that could be made at once, and the seconds until it is full, as the field RateLimit says it."""
        full_in_s = self.full_in_s(now)
        remaining = (self.limit.depth_s - full_in_s) / self.limit.interval_s + _ROUNDING_S
        return self.limit.shown % (remaining, math.ceil(full_in_s))


class Buckets:
    """One bucket for each client, for the ``max_buckets`` clients seen last: one forgotten starts with a full one."""

    def __init__(self, limit: Limit, max_buckets: int) -> None:
        self._limit = limit
        self._max_buckets = max_buckets
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def of(self, client: str, now: float) -> Bucket:
        bucket = self._buckets.get(client)
        if bucket is not None:
            self._buckets.move_to_end(client)
            return bucket
        if len(self._buckets) >= self._max_buckets:
            _, forgotten = self._buckets.popitem(last=False)
            if forgotten.full_in_s(now) > 0:
                metrics.FORGOTTEN_BUCKETS.inc()
        bucket = self._buckets[client] = Bucket(self._limit)
        return bucket


def headers(buckets: Sequence[Bucket], now: float) -> list[tuple[bytes, bytes]]:
    """RateLimit-Policy and RateLimit, as draft-ietf-httpapi-ratelimit-headers-10 writes them."""
    policies = ", ".join([bucket.limit.policy for bucket in buckets])
    left = ", ".join([bucket.left(now) for bucket in buckets])
    return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", left.encode())]
