"""Which tests run. Some folders only when somebody names them: beside all other tests two cores are too few."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest


def unavailable(reason: str) -> NoReturn:
    """Skip the test; in CI, where nothing may be left out unnoticed, fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"CI may not skip: {reason}")
    pytest.skip(reason)


def leave_out_unless_named(
    folder: Path,
    config: pytest.Config,
    items: list[pytest.Item],
    keep: Callable[[pytest.Item], bool] = lambda _: False,
) -> None:
    """Take the folder's tests out, but those to ``keep``, unless the folder or something in it is named."""
    named = [(config.invocation_params.dir / argument.split("::")[0]).resolve() for argument in config.args]
    if any(path.is_relative_to(folder) for path in named):
        return
    left_out = {item for item in items if item.path.is_relative_to(folder) and not keep(item)}
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=list(left_out))
