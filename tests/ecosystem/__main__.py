"""`python -m tests.ecosystem --sdists DIR --work DIR [--write] [project...]`."""

import sys

from .runner import main

sys.exit(main(sys.argv[1:]))
