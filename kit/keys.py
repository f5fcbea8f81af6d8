"""Access keys: secrets that callers present, kept as SHA-256 in a file that is read again when it changes.

A secret is 32 random bytes. No slow hash (argon2, bcrypt): those make the guessing of people's passwords expensive,
and 256 random bits cannot be guessed, while every request would pay the price. A key is found by its digest, in a
dictionary: what is compared, and might leak by its timing, are digests, and knowing some of a digest's bytes brings
nobody nearer to a secret behind it.
"""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Generic

import msgspec
import structlog
from msgspec import Meta
from typing_extensions import TypeVar

ANY_ORIGIN = "*"
MAX_FILE_BYTES = 1 << 20

# As a browser writes the header Origin: lower case, a default port left out, nothing after the host.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")

_Version = tuple[int, int, int]

_log = structlog.get_logger(__name__)


class KeysError(Exception):
    """The file of keys cannot be used; the message says where and why."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One entry of the file. A service adds what its keys may do.

    name        for logs and metrics; public
    sha256      of the secret, 64 hexadecimal digits
    """

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class Key(Entry, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A key for pages and servers.

    origins     pages that may use the key from a browser (``https://shop.example``), or ``*``; none: servers only
    rate_per_s  requests per second, instead of the service's own setting; 0: no limit
    burst       requests at once, likewise
    """

    origins: tuple[str, ...] = ()
    rate_per_s: Annotated[float, Meta(ge=0)] | None = None
    burst: Annotated[int, Meta(ge=1)] | None = None

    def __post_init__(self) -> None:
        for origin in self.origins:
            require_origin(origin)


K = TypeVar("K", bound=Entry, default=Key)


def require_origin(origin: str) -> None:
    """Raise ValueError unless it is ``*`` or scheme://host[:port], as browsers write it."""
    if origin != ANY_ORIGIN and not _ORIGIN.fullmatch(origin):
        raise ValueError(f"{origin!r} is no origin: write * or scheme://host[:port] in lower case, without a path")


class Keys(Generic[K]):
    """The keys of one version of the file."""

    def __init__(self, keys: Iterable[K]) -> None:
        self._by_digest = {bytes.fromhex(key.sha256): key for key in keys}

    def __iter__(self) -> Iterator[K]:
        return iter(self._by_digest.values())

    def __len__(self) -> int:
        return len(self._by_digest)

    def find(self, secret: bytes) -> K | None:
        return self._by_digest.get(hashlib.sha256(secret).digest())


def new_key(name: str, *, prefix: str, origins: Sequence[str] = ()) -> tuple[str, Key]:
    """As ``new_entry``, for a ``Key``."""
    return new_entry(Key, name, prefix=prefix, origins=tuple(origins))


def new_entry(kind: type[K], name: str, *, prefix: str, **fields: object) -> tuple[str, K]:
    """A fresh secret and its entry. Scanners for leaked secrets know one of ours by its prefix. Raises KeysError."""
    secret = f"{prefix}{secrets.token_urlsafe(32)}"
    entry = {"name": name, "sha256": hashlib.sha256(secret.encode()).hexdigest(), **fields}
    try:
        return secret, msgspec.convert(entry, kind)
    except msgspec.ValidationError as error:
        raise KeysError(str(error)) from None


def parse(text: bytes, kind: type[K] = Key) -> Keys[K]:  # type: ignore[assignment] # K's own default
    """The keys in a file's text, a JSON list of entries; raises KeysError. An empty list lets nobody in."""
    try:
        keys = msgspec.json.decode(text, type=list[kind])  # type: ignore[valid-type]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise KeysError(str(error)) from None
    for what in ("name", "sha256"):
        values = [getattr(key, what) for key in keys]
        if repeated := sorted({value for value in values if values.count(value) > 1}):
            raise KeysError(f"two entries have the {what} {repeated[0]}")
    return Keys(keys)


class KeyFile(Generic[K]):
    """The file of keys and what it said last. A file that cannot be used changes nothing: the last keys stay valid.

    keys       those that are valid
    problem    what is wrong with the file now, or None
    """

    def __init__(self, path: Path, kind: type[K] = Key) -> None:  # type: ignore[assignment] # K's own default
        """Read the file; raises KeysError, for a service must not start without the keys it was told to ask for."""
        self._path = path
        self._kind = kind
        self.problem: str | None = None
        self._version, self.keys = self._read()

    async def watch(self, every_s: float, changed: Callable[[], None]) -> None:
        """Look for a new version every ``every_s`` seconds, until cancelled; call ``changed()`` after each change."""
        while True:
            await asyncio.sleep(every_s)
            if await self.reload():
                changed()

    async def reload(self) -> bool:
        """Take over a new version of the file, if there is one. Whether ``keys`` or ``problem`` changed."""
        try:
            if self.problem is None and await asyncio.to_thread(self._stamp) == self._version:
                return False
            version, keys = await asyncio.to_thread(self._read)
        except KeysError as error:
            return self._keep(str(error))
        self._version, self.keys, self.problem = version, keys, None
        _log.info("keys loaded", file=self._path.name, keys=[key.name for key in keys])
        return True

    def _keep(self, problem: str) -> bool:
        if problem == self.problem:
            return False  # said once, not at every look
        self.problem = problem
        _log.error("the file of keys cannot be used: the last keys stay valid", file=self._path.name, why=problem)
        return True

    def _read(self) -> tuple[_Version, Keys[K]]:
        version = self._stamp()  # before reading: a change in between is seen by the next look
        try:
            with self._path.open("rb") as file:
                text = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise KeysError(f"{self._path.name}: {error.strerror}") from None
        if len(text) > MAX_FILE_BYTES:
            raise KeysError(f"{self._path.name}: more than {MAX_FILE_BYTES} bytes")
        try:
            return version, parse(text, self._kind)
        except KeysError as error:
            raise KeysError(f"{self._path.name}: {error}") from None

    def _stamp(self) -> _Version:
        """Differs between versions: also when the file is replaced by another, as deployments do."""
        try:
            status = self._path.stat()
        except OSError as error:
            raise KeysError(f"{self._path.name}: {error.strerror}") from None
        return status.st_mtime_ns, status.st_ino, status.st_size
