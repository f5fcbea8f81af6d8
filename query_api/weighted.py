"""Headers in which a client lists what it takes, each with a weight: Accept, Accept-Encoding (RFC 9110, 12.4.2)."""

from dataclasses import dataclass
from typing import Final

_USUAL: Final = 1.0


@dataclass(frozen=True, slots=True)
class Weighted:
    """One member of such a list, in lower case; ``weight`` is 0 where it is not taken, or where the weight is none."""

    value: str
    weight: float


def read(header: str) -> list[Weighted]:
    """In the list's order."""
    return [_member(text) for text in header.split(",") if text.strip()]


def _member(text: str) -> Weighted:
    value, *parameters = (part.strip().lower() for part in text.split(";"))
    weights = [value for name, _, value in (parameter.partition("=") for parameter in parameters) if name == "q"]
    return Weighted(value, _weight(weights[0]) if weights else _USUAL)


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
