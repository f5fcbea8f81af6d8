"""``python -m deploy.demo``: see ``--help``."""

import sys

from deploy.demo.cli import main

sys.exit(main(sys.argv[1:]))
