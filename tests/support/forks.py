"""Forks in tests, beside whatever other tests have begun or imported."""

from __future__ import annotations

import pytest

# Python warns of other tests' threads, which are idle, and eventlet, which an error tracker's
# SDK imports in another test, of every fork from then on.
FORKS = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
