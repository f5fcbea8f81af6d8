"""A query: SQL, and the values that it binds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = str | int | float


@dataclass(frozen=True, slots=True)
class Query:
    """SQL without its FORMAT, which the store adds, and the values of its {name:Type} parameters.

    bounds  settings of ClickHouse that are this query's own, instead of the store's
    """

    text: str
    parameters: Mapping[str, Value]
    bounds: Mapping[str, int] = field(default_factory=dict)
