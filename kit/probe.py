"""``python -m kit.probe URL``: exit code 0 when the address answers 200, else 1 with what it said. For containers."""

import sys
import urllib.error
import urllib.request
from typing import Final

_TIMEOUT_S: Final = 2.5  # a readiness check takes two seconds at most
_SHOWN_BYTES: Final = 1000


def main(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S):  # noqa: S310 - the address is the image's own
            return 0
    except urllib.error.HTTPError as error:
        sys.stderr.write(f"{error.code} {error.read(_SHOWN_BYTES).decode(errors='replace')}\n")
    except OSError as error:
        sys.stderr.write(f"{error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
