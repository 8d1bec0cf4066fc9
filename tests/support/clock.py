"""Time and randomness that a test decides."""

from __future__ import annotations

import hashlib
import itertools


class Clock:
    """Seconds since 1970 that pass only when told to."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Entropy:
    """Random-looking bytes that are the same in every run with the same seed."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._turn = itertools.count()

    def __call__(self, size: int) -> bytes:
        # `next` on a count is atomic, so that threads draw different bytes.
        return hashlib.shake_256(f"{self._seed}/{next(self._turn)}".encode()).digest(size)
