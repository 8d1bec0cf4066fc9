"""`python -m tests.peers --peers DIR --work DIR [--write] [word...]`."""

import sys

from .runner import main

sys.exit(main(sys.argv[1:]))
