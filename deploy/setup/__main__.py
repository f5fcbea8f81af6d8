"""`python -m deploy.setup`: create the topic and the tables, or bring them up to date. Exit code 1 when it can't."""

import asyncio
import logging
import sys

from deploy.setup import SetupError, SetupSettings, apply


def main() -> int:
    logging.disable(logging.CRITICAL)  # the clients log each attempt; one sentence at the end says it better
    try:
        done = asyncio.run(apply(SetupSettings()))
    except SetupError as error:
        print(f"setup failed: {error}", file=sys.stderr)
        return 1
    print("\n".join(done) if done else "topic and tables are up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
