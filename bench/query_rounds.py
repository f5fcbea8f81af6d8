"""Each question to the API and straight to ClickHouse, by turns: a machine that changes its speed favours none."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.quantiles import percentile
from bench.query_cases import Case, Kind
from bench.query_http import Kept, RefusedError

_REPEATS: Final[dict[Kind, int]] = {"page": 200, "user": 60, "filter": 20, "counts": 20}
_LEAST: Final = 5
_CASE_S: Final = 20.0  # of each case, at most, once it has been asked five times
_WARM_UP: Final = 2


@dataclass
class Timed:
    """Seconds of every request of a case, in pairs."""

    case: Case
    api_s: list[float] = field(default_factory=list)
    direct_s: list[float] = field(default_factory=list)

    def api_ms(self, percent: float) -> float:
        return percentile(self.api_s, percent) * 1000

    def direct_ms(self, percent: float) -> float:
        return percentile(self.direct_s, percent) * 1000

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return self.api_ms(50) / self.direct_ms(50)

    @property
    def extra_ms(self) -> float:
        """By which the API's median is longer."""
        return self.api_ms(50) - self.direct_ms(50)


def measure(
    cases: Sequence[Case], api: Kept, reader: Kept, missing: dict[str, str], *, scale: float = 1.0
) -> list[Timed]:
    """Every case, so many times; ``scale`` is how much of that. One that is refused on the way goes to ``missing``.

    Raises OSError.
    """
    measured = []
    for case in cases:
        try:
            measured.append(_measured(case, api, reader, max(_LEAST, round(_REPEATS[case.kind] * scale))))
        except RefusedError as error:
            missing[case.name] = str(error)
    return measured


def _measured(case: Case, api: Kept, reader: Kept, repeats: int) -> Timed:
    timed = Timed(case)
    for n in range(_WARM_UP):
        path, sql = case.variant(n)
        api.get(path)
        reader.ask(sql)
    began_s = time.monotonic()
    for n in range(repeats):
        path, sql = case.variant(n)
        if n % 2:
            timed.direct_s.append(reader.ask(sql)[0])
            timed.api_s.append(api.get(path)[0])
        else:
            timed.api_s.append(api.get(path)[0])
            timed.direct_s.append(reader.ask(sql)[0])
        if n + 1 >= _LEAST and time.monotonic() - began_s > _CASE_S:
            break
    return timed
