"""What happens in a child between fork and exec: its life is tied to the supervisor's."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: a library must not be opened in the child of a process that has threads.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def tie_to_parent() -> Callable[[], None] | None:
    """A ``preexec_fn`` after which the kernel kills the child when this process dies, however it dies.

    Linux only. Elsewhere the engine still ends, by its standard input; the others are left to the next start,
    which reports their ports.
    """
    if _LIBC is None:
        return None
    libc, parent = _LIBC, os.getpid()

    def preexec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return preexec
