"""The ClickHouse engine's process: ``python -m deploy.local.engine LIBRARY CONFIG [TCP]``.

It loads the shared library and runs ``clickhouse local`` with a query that starts the HTTP server (and the native one,
where TCP is named) and then reads standard input, which says nothing: the engine ends, cleanly, when the other end of
that pipe is closed, so also when the process that holds it is gone. Needs the standard library only.

When the engine aborts (a malformed HTTP request head is enough), its own signal handlers write a stack trace and keep
the broken process for another 4 s (measured). They are taken out, so that it ends, and is started again, at once.
"""

import ctypes
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

_UNTIL_CLOSED = "SELECT * FROM file('-', 'LineAsString', 'line String') FORMAT Null"
_FATAL = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
_CHECK_S = 0.5


def run(library: Path, config: Path, others: Sequence[str]) -> str | None:
    """Serve HTTP and other protocols until standard input ends. Returns the engine's error, None after a clean end."""
    engine = ctypes.CDLL(str(library))
    engine.chdb_query_cmdline.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
    engine.chdb_query_cmdline.restype = ctypes.c_void_p
    engine.chdb_result_error.argtypes = [ctypes.c_void_p]
    engine.chdb_result_error.restype = ctypes.c_char_p
    query = "".join(f"SYSTEM START LISTEN {protocol}; " for protocol in ("HTTP", *others)) + _UNTIL_CLOSED
    words = ["clickhouse-local", f"--config-file={config}", "--query", query]
    argv = (ctypes.c_char_p * (len(words) + 1))(*(word.encode() for word in words), None)
    threading.Thread(target=_die_at_once_when_broken, daemon=True).start()
    result = engine.chdb_query_cmdline(len(words), argv)
    error: bytes | None = engine.chdb_result_error(result) if result else b"the engine gave no result"
    return error.decode(errors="replace") if error else None


def _die_at_once_when_broken() -> None:
    """Give fatal signals their default action again and again: the engine installs handlers while it starts."""
    libc = ctypes.CDLL(None)
    libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
    libc.signal.restype = ctypes.c_void_p
    while True:
        for number in _FATAL:
            libc.signal(number, None)  # SIG_DFL
        time.sleep(_CHECK_S)


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
