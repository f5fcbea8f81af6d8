"""Access: who asks, by the read key of the request, and what that key may see and do."""

from typing import Final

import structlog
from starlette.requests import Request

from kit.keys import KeyFile
from kit.problem import Problem
from query_api import metrics
from query_api.access.keys import ReadKey, presented
from query_api.filtering.filters import EVERYTHING, Scope
from query_api.settings import Settings

_MISSING: Final = "A read key is needed: Authorization: Bearer <key>, or X-Read-Key: <key> (docs/access.md)."
_UNKNOWN: Final = "This read key is not known here."
_MAKE_ADMIN: Final = (
    "Make one with `python -m query_api new-key NAME --admin`, put its entry into the file of QUERY_KEYS_FILE, "
    "and present it (docs/erasure.md)."
)
_log = structlog.get_logger(__name__)


class Access:
    """The read keys of the file that the settings name. Without a file everybody may read, and nobody erase."""

    def __init__(self, settings: Settings) -> None:
        """Reads the file; raises KeysError."""
        self._reload_s = settings.keys_reload_s
        self._file = KeyFile(settings.keys_file, ReadKey) if settings.keys_file else None

    async def watch(self) -> None:
        """Take over new versions of the file, until cancelled. Says at once who may read."""
        if self._file is None:
            _log.warning(
                "GET /log is open: whoever reaches this port may read every action. Set keys_file to change that"
            )
            return
        _log.info("GET /log asks for a read key", keys=len(self._file.keys))
        await self._file.watch(self._reload_s, self._reloaded)

    def scope(self, request: Request) -> Scope:
        """What this request may see; raises a Problem (401)."""
        key = self._key(request)
        return EVERYTHING if key is None else key.scope.now()

    def sees_all(self, request: Request) -> bool:
        """Whether what an answer cost may be told: it also says how much there is beyond a scope. Raises Problem."""
        key = self._key(request)
        return key is None or not key.is_narrowed

    def admin(self, request: Request) -> str:
        """The name of the admin key that the request presents; raises a Problem (401 or 403), also without a file."""
        if self._file is None:
            raise Problem(403, "admin-key-needed", f"Erasing needs an admin key, and no keys are set up. {_MAKE_ADMIN}")
        key = self._key(request)
        if key is None or not key.admin:
            raise Problem(403, "admin-key-needed", f"Erasing needs an admin key, and this is none. {_MAKE_ADMIN}")
        return key.name

    def _key(self, request: Request) -> ReadKey | None:
        """The request's key, found once; None when no keys are configured."""
        if self._file is None:
            return None
        known: ReadKey | None = getattr(request.state, "read_key", None)
        if known is None:
            known = request.state.read_key = self._found(self._file, request)
        return known

    def _found(self, file: KeyFile[ReadKey], request: Request) -> ReadKey:
        secret = presented(request.url.path, dict(request.headers.raw), request.scope["query_string"])
        if secret is None:
            raise _refused("key-missing", _MISSING, "Bearer")
        key = file.keys.find(secret)
        if key is None:
            raise _refused("key-unknown", _UNKNOWN, 'Bearer error="invalid_token"')
        metrics.KEY_REQUESTS.labels(key.name).inc()
        return key

    def _reloaded(self) -> None:
        assert self._file is not None  # noqa: S101 - it is what was reloaded
        metrics.KEYS_STALE.set(self._file.problem is not None)


def _refused(code: str, detail: str, challenge: str) -> Problem:
    metrics.REFUSED_REQUESTS.labels(code).inc()
    return Problem(401, code, detail, headers={"WWW-Authenticate": challenge})
