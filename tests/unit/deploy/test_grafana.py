"""The dashboard fits Grafana's own schema, as Grafana's SDK has it: panels, their options, units and queries.

Grafana itself is in no package registry. It takes a file with a mistake, and shows an empty panel.
"""

import copy
import enum
import json
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from grafana_foundation_sdk.cog import encoder, plugins, runtime
from grafana_foundation_sdk.models import dashboard as model

from tests.unit.deploy.manifests import OBSERVABILITY

DASHBOARD: Final = OBSERVABILITY / "grafana" / "dashboards" / "actionlog.json"
Change = Callable[[dict[str, Any]], object]


def mistakes(dashboard: dict[str, Any]) -> list[str]:
    """Fields that Grafana does not know, values of a wrong type, panels that it does not have."""
    plugins.register_default_plugins()
    known = runtime.Runtime().panelcfg_variants
    unknown = [f"no panel: {panel['type']}" for panel in dashboard["panels"] if panel["type"] not in known]
    read = model.Dashboard.from_json(dashboard)
    written = json.loads(json.dumps(read, cls=encoder.JSONEncoder))
    return [*unknown, *dropped(dashboard, written, ""), *misfits(read, object, "")]


def dropped(given: Any, written: Any, at: str) -> Iterator[str]:
    """What is in the file, and not in what the SDK writes again."""
    if isinstance(given, dict):
        for key, value in given.items():
            if key in written:
                yield from dropped(value, written[key], f"{at}.{key}")
            else:
                yield f"unknown: {at}.{key}"
    elif isinstance(given, list):
        for number, (one, other) in enumerate(zip(given, written, strict=True)):
            yield from dropped(one, other, f"{at}[{number}]")


def misfits(value: Any, hint: Any, at: str) -> Iterator[str]:
    """Where the value, or something in it, is not of the type that the SDK declares."""
    if not fits(value, hint):
        yield f"not {hint}: {at} = {value!r}"
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from misfits(item, (typing.get_args(hint) or (object,))[0], f"{at}[{number}]")
    elif type(value).__module__.startswith("grafana_foundation_sdk.models") and not isinstance(value, enum.Enum):
        for name, inner in typing.get_type_hints(type(value)).items():
            yield from misfits(getattr(value, name), narrowed(inner, getattr(value, name)), f"{at}.{name}")


def narrowed(hint: Any, value: Any) -> Any:
    """Of several types the first that the value has; else all of them, for the message."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    return next((option for option in options if fits(value, option)), hint)


def fits(value: Any, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if hint in (object, Any):
        return True
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, option) for option in typing.get_args(hint))
    if origin is typing.Literal:
        return value in typing.get_args(hint)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return value in [member.value for member in hint]
    if hint is float:
        return isinstance(value, int | float)
    return isinstance(value, origin or hint)


def test_the_dashboard_fits() -> None:
    assert mistakes(json.loads(DASHBOARD.read_text())) == []


WRONG: Final[dict[str, Change]] = {
    "no panel: stats": lambda board: board["panels"][0].update(type="stats"),
    ".panels[0].titel": lambda board: board["panels"][0].update(titel="x"),
    ".gridPos.width": lambda board: board["panels"][0]["gridPos"].update(width=3),
    ".grid_pos.w": lambda board: board["panels"][0]["gridPos"].update(w="3"),
    ".targets[0].expression": lambda board: board["panels"][0]["targets"][0].update(expression="up"),
    ".targets[0].expr": lambda board: board["panels"][0]["targets"][0].update(expr=3),
    ".options.colourMode": lambda board: board["panels"][0]["options"].update(colourMode="value"),
    ".options.color_mode": lambda board: board["panels"][0]["options"].update(colorMode="vivid"),
    ".defaults.units": lambda board: board["panels"][4]["fieldConfig"]["defaults"].update(units="s"),
    ".time.form": lambda board: board["time"].update(form="now-1h"),
    ".refresh": lambda board: board.update(refresh=5),
}


@pytest.mark.parametrize("where", WRONG)
def test_a_mistake_would_be_seen(where: str) -> None:
    board = copy.deepcopy(json.loads(DASHBOARD.read_text()))
    WRONG[where](board)
    assert [each for each in mistakes(board) if where in each]
