"""`python -m tests.mutation [word of a check]...`."""

import sys

from .runner import main

sys.exit(main(sys.argv[1:]))
