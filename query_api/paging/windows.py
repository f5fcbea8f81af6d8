"""Windows: a page's span of time, cut into stretches that are read one by one until the page is full.

A page of one user's actions may lie in the last minute or be spread over years, and ClickHouse must merge (FINAL) and
sort everything between the bounds of a query. So the first stretch is small and each further one ``growth`` times
larger, in rows as the table counts them per month. Those counts only choose where to cut: the stretches always cover
the whole span without gaps, so old or wrong counts cost time, never rows.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Final

_HOUR_US: Final = 3_600_000_000  # the table's key begins with the hour: a cut there reads no granule twice


@dataclass(frozen=True, slots=True)
class Window:
    """lower_us <= time < upper_us, in microseconds since 1970; None is unbounded."""

    lower_us: int | None
    upper_us: int | None


@dataclass(frozen=True, slots=True)
class Month:
    """One month of the table: its oldest and its newest time in microseconds since 1970, and its rows."""

    oldest_us: int
    newest_us: int
    rows: int


Extent = Sequence[Month]  # newest first


def windows(
    span: Window, extent: Extent, *, first_rows: int, growth: int, oldest_first: bool = False
) -> Generator[Window, float | None, None]:
    """The stretches of the span, newest first or oldest first, adjoining; about first_rows * growth^n rows each.

    Whoever knows better sends a factor, which makes the next stretch that many times as large as the one before.
    """
    if oldest_first:
        mirrored = [Month(-1 - month.newest_us, -1 - month.oldest_us, month.rows) for month in reversed(extent)]
        yield from _mirrored(windows(_mirror(span), mirrored, first_rows=first_rows, growth=growth))
        return
    upper_us, rows = span.upper_us, first_rows
    while True:
        lower_us = _cut(extent, upper_us, rows)
        if lower_us is None or (span.lower_us is not None and lower_us <= span.lower_us):
            yield Window(span.lower_us, upper_us)
            return
        factor = yield Window(lower_us, upper_us)
        upper_us, rows = lower_us, max(1, int(rows * (growth if factor is None else factor)))


def _mirrored(cuts: Generator[Window, float | None, None]) -> Generator[Window, float | None, None]:
    window: Window | None = next(cuts)
    while window is not None:
        window = following(cuts, (yield _mirror(window)))


def following(cuts: Generator[Window, float | None, None], factor: float | None) -> Window | None:
    """The next stretch, ``factor`` times as large as the one before; None after the last."""
    try:
        return cuts.send(factor)
    except StopIteration:
        return None


def _mirror(window: Window) -> Window:
    """The same stretch seen from the other end of time."""
    lower_us, upper_us = window.lower_us, window.upper_us
    return Window(None if upper_us is None else -upper_us, None if lower_us is None else -lower_us)


def _cut(extent: Extent, upper_us: int | None, rows: int) -> int | None:
    """A full hour, below upper_us, down from which about ``rows`` rows lie; None when there are no more than that."""
    for month in extent:
        newest_us = month.newest_us if upper_us is None else min(month.newest_us, upper_us - 1)
        if newest_us < month.oldest_us:
            continue
        span_us = newest_us + 1 - month.oldest_us
        expected = month.rows * span_us // (month.newest_us + 1 - month.oldest_us)
        if expected > rows:
            cut_us = min(newest_us, newest_us + 1 - span_us * rows // expected)
            return cut_us // _HOUR_US * _HOUR_US
        rows -= expected
    return None
