"""The past that is missing: after an earlier run of the demo only what came since."""

from datetime import datetime
from typing import Any, Final

import aiohttp
import msgspec

_ANSWER_S: Final = 10.0
_ALREADY_THERE: Final = 0.1  # of what the shop makes in that time: more than anybody posts by hand


async def missing_s(query_url: str, seconds: float, rate: float, now_s: float) -> float:
    """Seconds before now to be made up: all of them, or those since the newest stored action when the stretch is filled
    already. All, too, when nobody can tell: the query service is away, or asks for a key.
    """
    span = {"startTime": f"-{max(1, round(seconds))}s"}
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            counted = await _answer(session, f"{query_url}/log/counts", span)
            if counted["total"]["count"] < _ALREADY_THERE * seconds * rate:
                return seconds
            page = await _answer(session, f"{query_url}/log", {**span, "endTime": "now", "limit": "1"})
        newest_s = datetime.fromisoformat(page["actions"][0]["time"]).timestamp()
    except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError, LookupError):
        return seconds
    return min(seconds, max(0.0, now_s - newest_s))


async def _answer(session: aiohttp.ClientSession, url: str, parameters: dict[str, str]) -> dict[str, Any]:
    """Raises aiohttp.ClientError, also for another status than 200."""
    async with session.get(url, params=parameters, raise_for_status=True) as response:
        return msgspec.json.decode(await response.read(), type=dict[str, Any])
