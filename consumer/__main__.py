"""`python -m consumer`: the sink, with health and metrics over HTTP."""

from consumer.app import main
from kit.server import run

if __name__ == "__main__":
    run(main())
