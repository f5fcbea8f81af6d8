"""Write keys: how a request presents one, and what its holder may do."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from prometheus_client import Counter

from kit.keys import Key, Keys
from producer_api import metrics
from producer_api.access_settings import AccessSettings
from producer_api.cors import Origins
from producer_api.rate_limits import Bucket, limit

PREFIX = "alw_"

_BEARER = b"bearer "


def presented(headers: Mapping[bytes, bytes], query_string: bytes) -> bytes | None:
    """The key as ``Authorization: Bearer``, else as ``X-Write-Key``, else as ``?key=`` (beacons can't set headers)."""
    authorization = headers.get(b"authorization", b"")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip()
    if (header := headers.get(b"x-write-key")) is not None:
        return header
    if b"key=" in query_string:
        fields = parse_qsl(query_string.decode("latin-1"))
        return next((value.encode() for name, value in fields if name == "key"), None)
    return None


class Writer:
    """The holder of a key: from which pages it may write, and what it has left of its limit (None: there is none)."""

    def __init__(self, key: Key, bucket: Bucket | None) -> None:
        self.name = key.name
        self.origins = Origins(key.origins)
        self.bucket = bucket
        self.requests: Counter = metrics.KEY_REQUESTS.labels(key.name)


class Writers:
    """Everybody who may write, by key. ``origins`` is what any of them may write from."""

    def __init__(self, keys: Keys, settings: AccessSettings, before: "Writers | None" = None) -> None:
        """``before``: the writers until now, whose use of an unchanged limit is not forgotten."""
        self._keys = keys
        used = {writer.name: writer.bucket for writer in before._writers.values()} if before else {}
        self._writers: dict[str, Writer] = {
            key.name: Writer(key, _bucket(key, settings, used.get(key.name))) for key in keys
        }
        self.origins = Origins(origin for key in keys for origin in key.origins)

    def find(self, secret: bytes) -> Writer | None:
        key = self._keys.find(secret)
        return self._writers[key.name] if key else None


def _bucket(key: Key, settings: AccessSettings, used: Bucket | None) -> Bucket | None:
    per_s = settings.key_rate_per_s if key.rate_per_s is None else key.rate_per_s
    own = limit("key", per_s, key.burst or settings.key_burst)
    if own is None:
        return None
    return used if used is not None and used.limit == own else Bucket(own)
