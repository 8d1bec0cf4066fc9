"""Time and randomness that a test decides."""

from __future__ import annotations

import hashlib
import itertools

# The one clock of the tests, which whoever writes a store has as well.
from samesession.testing import ManualClock as Clock

__all__ = ["Clock", "Entropy"]


class Entropy:
    """Random-looking bytes that are the same in every run with the same seed."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._turn = itertools.count()

    def __call__(self, size: int) -> bytes:
        # `next` on a count is atomic, so that threads draw different bytes.
        return hashlib.shake_256(f"{self._seed}/{next(self._turn)}".encode()).digest(size)
