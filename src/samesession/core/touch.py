"""Renew idle timeouts seldom where each renewal is a write. Pure.

A record expires some grace later than its idle timeout says, and a read renews it
only when less than the whole timeout is left. So nobody is ever logged out
early, and an idle session lives longer than it should by the grace at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .record import lifetime_of
from .store import Lifetimes

_LONGEST = 60  # seconds: as much as the clocks of two nodes may differ
_SHARE = 20


@dataclass(frozen=True, slots=True)
class Touching:
    """How long a renewal may be put off: `interval` seconds, 0 for never.

    None: a twentieth of the idle timeout, a minute at most.
    """

    interval: int | None = None

    def grace(self, lifetime: int) -> int:
        """Give the seconds that are added to an idle timeout, a tenth of it at most."""
        if self.interval is None:
            return min(_LONGEST, lifetime // _SHARE)
        return min(self.interval, lifetime // 10)

    def expiry(self, now: float, lifetime: int) -> int:
        """Give the moment at which a record that is renewed now expires."""
        return math.ceil(now) + lifetime + self.grace(lifetime)

    def expiry_of(self, record: bytes, lifetimes: Lifetimes, now: float) -> int:
        """Give the moment at which a record that is written now expires."""
        return self.expiry(now, lifetime_of(record, lifetimes))

    def renewal(
        self, record: bytes, expires: float, lifetimes: Lifetimes, now: float
    ) -> int | None:
        """Give the moment to which a record that is read now must be renewed; None: not yet."""
        lifetime = lifetime_of(record, lifetimes)
        return self.expiry(now, lifetime) if self.is_due(expires, now, lifetime) else None

    def is_due(self, expires: float, now: float, lifetime: int) -> bool:
        """Say whether a record that is read now must be renewed."""
        if self.grace(lifetime) == 0:
            return expires != self.expiry(now, lifetime)
        # Another timeout may have been set since, or a clock was ahead for a while: then the
        # moment is wrong either way, and a life that is too long is cut.
        return not now + lifetime <= expires <= self.expiry(now, lifetime)
