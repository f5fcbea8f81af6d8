"""The built pages: ``npm ci`` and ``npm run build``, once for a whole test run however many workers it has."""

import fcntl
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.components.npm import npm_command

_BROWSER: Final = Path(__file__).resolve().parents[2] / "browser"
_NPM_S: Final = 400


@dataclass(frozen=True)
class Package:
    """One of the packages below browser/; ``made`` is a file of its build."""

    name: str
    made: str

    @property
    def folder(self) -> Path:
        return _BROWSER / self.name

    @property
    def dist(self) -> Path:
        return self.folder / "dist"

    def built(self) -> Path:
        """The folder of the built files, made anew where it is missing or older than a source."""
        lock = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self._is_current():
                self._install()
                self.npm("run", "build")
        finally:
            os.close(lock)
        return self.dist

    def npm(self, *words: str) -> str:
        """One npm command in the package's folder: its output. Fails with it when the command fails."""
        command = [*npm_command(), *words]
        path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", "")])  # scripts look for a node
        environment = {**os.environ, "PATH": path}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=_NPM_S, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def _install(self) -> None:
        """Where the lock file is newer: npm removes everything first, under the hands of whoever is building."""
        installed = self.folder / "node_modules" / ".package-lock.json"
        lock_file = self.folder / "package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < lock_file.stat().st_mtime:
            self.npm("ci", "--no-audit", "--no-fund")

    def _is_current(self) -> bool:
        made = self.dist / self.made
        sources = [*(self.folder / "src").rglob("*"), *(path for path in self.folder.glob("*") if path.is_file())]
        return made.exists() and made.stat().st_mtime >= max(path.stat().st_mtime for path in sources)


EXPLORER: Final = Package("explorer", "index.html")
EMITTER: Final = Package("emitter", "actionlog.js")
