"""Renew idle timeouts seldom where each renewal is a write, and cut lives that are too long. Pure.

A record expires some grace later than its idle timeout says, and a read renews it
only when less than the whole timeout is left. So nobody is ever logged out
early, and an idle session lives longer than it should by the grace at most.

A clock that was ahead for a while leaves records with a longer life than any timeout
gives. Whoever reads one cuts it: who renews to what is due, who does not to the longest
timeout that the application, or the record itself, is known to have. A store deletes what
it finds expired, so that no clock which is set right later shows it again.
"""

from __future__ import annotations

import math

from .policy import SKEW
from .record import lifetime_of, own_lifetime_of
from .store import DatedRecord, Lifetimes

_LONGEST = 60  # seconds: as much as the clocks of two nodes may differ
_SHARE = 20


class Touching:
    """When a store's records expire, and for how long a renewal may be put off."""

    __slots__ = ("_longest", "interval")

    def __init__(self, interval: int | None = None, *, longest: int | None = None) -> None:
        """`interval` and `longest` idle timeout are seconds.

        An interval of 0 puts nothing off; None: a twentieth of the timeout, a minute at most.
        """
        self.interval = interval
        self._longest = longest

    def grace(self, lifetime: int) -> int:
        """Return the seconds that are added to an idle timeout, a tenth of it at most."""
        if self.interval is None:
            return min(_LONGEST, lifetime // _SHARE)
        return min(self.interval, lifetime // 10)

    def expiry(self, now: float, lifetime: int) -> int:
        """Return the moment at which a record that is renewed now expires."""
        return math.ceil(now) + lifetime + self.grace(lifetime)

    def expiry_of(self, record: bytes, lifetimes: Lifetimes, now: float) -> int:
        """Return the moment at which a record that is written now expires."""
        self._hear_of(lifetimes)
        return self.expiry(now, lifetime_of(record, lifetimes))

    def dated(self, record: bytes, expires: float, lifetimes: Lifetimes, now: float) -> DatedRecord:
        """Return a record with when it was renewed last, if it was for these lifetimes."""
        lifetime = lifetime_of(record, lifetimes)
        left = expires - now
        return DatedRecord(record, idle=lifetime + self.grace(lifetime) - left, left=left)

    def renewal(
        self, record: bytes, expires: float, lifetimes: Lifetimes | None, now: float
    ) -> int | None:
        """Return the moment to which a record that is read now must be set; None: as it is.

        Without `lifetimes` a read renews nothing.
        """
        if lifetimes is None:
            return self._cut(record, expires, now)
        self._hear_of(lifetimes)
        lifetime = lifetime_of(record, lifetimes)
        return self.expiry(now, lifetime) if self.is_due(expires, now, lifetime) else None

    def _cut(self, record: bytes, expires: float, now: float) -> int | None:
        if self._longest is None:
            return None
        longest = max(self._longest, own_lifetime_of(record))
        if expires <= now + longest + self.grace(longest) + SKEW:
            return None
        return self.expiry(now, longest)

    def _hear_of(self, lifetimes: Lifetimes) -> None:
        """Take a longer timeout into account: settings may change while an application runs."""
        if self._longest is not None and lifetimes.longest > self._longest:
            self._longest = lifetimes.longest

    def is_due(self, expires: float, now: float, lifetime: int) -> bool:
        """Return whether a record that is read now must be renewed."""
        if self.grace(lifetime) == 0:
            return expires != self.expiry(now, lifetime)
        # Another timeout may have been set since, or a clock have been ahead for a while:
        # then the moment is wrong either way, and a life that is too long is cut.
        return not now + lifetime <= expires <= self.expiry(now, lifetime)
