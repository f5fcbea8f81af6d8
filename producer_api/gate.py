"""The gate of POST /log: who may write, from which pages, how often. An ASGI application around the route's own."""

import math
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit.keys import KeyFile
from kit.problem import Problem
from kit.whole_requests import WholeRequest
from producer_api import metrics, rate_limits
from producer_api.access_settings import AccessSettings, split
from producer_api.client_address import ClientAddress
from producer_api.cors import METHODS, Headers, Origins, preflight
from producer_api.keys import Writer, Writers, presented
from producer_api.rate_limits import Bucket, Buckets, limit
from producer_api.refusal_log import RefusalLog
from producer_api.request_id import request_id_of

_ORIGIN = b"origin"
_ENCODING = b"content-encoding"
_PAGE_REFUSED = "Pages of this origin may not write here: add it to the origins that may (docs/access.md)."
_KEY_MISSING = "A write key is needed: Authorization: Bearer, X-Write-Key, or ?key= in the URL."
_KEY_UNKNOWN = "This write key is not known here."

Head = Mapping[bytes, bytes]

_log = structlog.get_logger(__name__)


class Gate:
    """Lets requests through to ``app``, or refuses them. With neither keys nor limits it only looks for an Origin."""

    def __init__(
        self,
        app: ASGIApp,
        settings: AccessSettings,
        refusals: RefusalLog,
        answer_whole: Callable[[WholeRequest, bytes, Head], None] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``answer_whole``: the same as ``app``, for requests that arrived whole, with their queries and heads.

        Reads the file of keys, if the settings name one; raises KeysError.
        """
        self._app = app
        self._answer_whole = answer_whole
        self._refusals = refusals
        self._settings = settings
        self._clock = clock
        self._client = ClientAddress(settings.trusted_proxies)
        per_address = limit("address", settings.address_rate_per_s, settings.address_burst)
        self._addresses = Buckets(per_address, settings.rate_limit_addresses) if per_address else None
        self._file = KeyFile(settings.write_keys_file) if settings.write_keys_file else None
        self._writers = Writers(self._file.keys, settings) if self._file else None
        self._origins = self._writers.origins if self._writers else Origins(split(settings.allowed_origins))
        self._is_open = self._addresses is None and self._writers is None

    async def watch(self) -> None:
        """Take over new versions of the file of keys, until cancelled. Says at once who may write."""
        if self._file is None:
            _log.warning("POST /log is open: whoever reaches this port may write. Set write_keys_file to change that")
            return
        _log.info("POST /log asks for a write key", keys=len(self._file.keys))
        await self._file.watch(self._settings.write_keys_reload_s, self._reloaded)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        head = dict(scope["headers"])
        if self._is_open and _ORIGIN not in head and scope["method"] == "POST":
            return self._app(scope, receive, send)
        return self._guard(head, scope, receive, send)

    def answer_whole(self, request: WholeRequest, query: bytes) -> bool:
        """What ``__call__`` does, for a POST; False when it must be asked."""
        head = dict(request.headers)
        if self._answer_whole is None or _ENCODING in head:  # bodies are decompressed as they are received
            return False
        if not self._is_open or _ORIGIN in head:
            scope = {"client": request.client, "headers": request.headers, "query_string": query}
            try:
                self._admit(scope, head, request.added)
            except Problem as problem:
                self._count(problem, request.request_id)
                request.respond(problem.response())
                return True
        self._answer_whole(request, query, head)
        return True

    async def _guard(self, head: Head, scope: Scope, receive: Receive, send: Send) -> None:
        origin = head.get(_ORIGIN)
        if scope["method"] == "OPTIONS":
            await self._answer_preflight(origin, scope, receive, send)
            return
        added: Headers = []
        try:
            self._admit(scope, head, added)
        except Problem as problem:
            await self._refuse(problem, scope, receive, _adding(added, send))
        else:
            await self._app(scope, receive, _adding(added, send) if added else send)

    def _admit(self, scope: Scope, head: Head, added: Headers) -> None:
        """Raise the Problem with which the request is refused; ``added`` receives what every answer is to say."""
        now, origin = self._clock(), head.get(_ORIGIN)
        if origin is not None:
            added.extend(self._origins.readable_by(origin))
        used: list[Bucket] = []
        try:
            if self._addresses is not None:  # first, so that guessing keys is limited too
                _take(self._addresses.of(self._client.of(scope), now), now, used)
            if self._writers is not None:
                _take_key(_writer(self._writers, head, scope), origin, now, used)
            elif origin is not None and origin not in self._origins:
                raise Problem(403, "origin-not-allowed", _PAGE_REFUSED)
        finally:
            if used:
                added.extend(rate_limits.headers(used, now))

    async def _answer_preflight(self, origin: bytes | None, scope: Scope, receive: Receive, send: Send) -> None:
        """Browsers ask without the key: the answer is for all the keys together."""
        if origin is None:
            await Response(status_code=204, headers={"Allow": f"{METHODS}, OPTIONS"})(scope, receive, send)
            return
        headers = preflight(self._origins, origin, self._settings.preflight_max_age_s)
        if headers is None:
            refusal = Problem(403, "origin-not-allowed", _PAGE_REFUSED)
            await self._refuse(refusal, scope, receive, _adding(self._origins.readable_by(origin), send))
        else:
            await Response(status_code=204)(scope, receive, _adding(headers, send))

    async def _refuse(self, problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
        self._count(problem, request_id_of(scope))
        await problem.response()(scope, receive, send)

    def _count(self, problem: Problem, request_id: str | None) -> None:
        metrics.REFUSED_REQUESTS.labels(problem.code).inc()
        self._refusals.write(problem, request_id)

    def _reloaded(self) -> None:
        assert self._file is not None  # noqa: S101 - it is what was reloaded
        metrics.KEYS_STALE.set(self._file.problem is not None)
        self._writers = Writers(self._file.keys, self._settings, self._writers)
        self._origins = self._writers.origins


def _writer(writers: Writers, head: Head, scope: Scope) -> Writer:
    secret = presented(head, scope["query_string"])
    if secret is None:
        raise Problem(401, "key-missing", _KEY_MISSING, headers={"WWW-Authenticate": "Bearer"})
    writer = writers.find(secret)
    if writer is None:
        raise Problem(401, "key-unknown", _KEY_UNKNOWN, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    writer.requests.inc()
    return writer


def _take_key(writer: Writer, origin: bytes | None, now: float, used: list[Bucket]) -> None:
    if origin is not None and origin not in writer.origins:
        raise Problem(403, "origin-not-allowed", _PAGE_REFUSED)
    if writer.bucket is not None:
        _take(writer.bucket, now, used)


def _take(bucket: Bucket, now: float, used: list[Bucket]) -> None:
    used.append(bucket)
    wait_s = bucket.take(now)
    if wait_s:
        after_s = math.ceil(wait_s)
        detail = f"Too many requests from this {bucket.limit.name}: try again in {after_s} s."
        raise Problem(429, "rate-limited", detail, headers={"Retry-After": str(after_s)})


def _adding(headers: Headers, send: Send) -> Send:
    """Sends an answer with these headers added."""

    def send_with_them(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *headers]
        return send(message)

    return send_with_them
