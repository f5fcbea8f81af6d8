"""`python -m consumer`: the sink, with health and metrics over HTTP."""

import os

from consumer import failpoints
from consumer.app import main
from kit.server import run

if __name__ == "__main__":
    failpoints.arm(os.environ)
    run(main())
