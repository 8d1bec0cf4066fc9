"""Renew idle timeouts rarely if each renewal is a write, and cut lives that are too long. Pure.

A record expires a little later than its idle timeout, by a grace. A read renews it only if less
than the whole timeout is left. So no user is logged out early, and an idle session lives too long
by the grace at most.

A clock that was fast for a while leaves records with a longer life than any timeout allows. A
request that reads such a record cuts it: to the session's timeout if the request renews, else to
the longest timeout that the application, or the record itself, is known to have. A store deletes
expired records when it finds them, so they do not come back when the clock is set right.
"""

from __future__ import annotations

import math

from .policy import SKEW
from .record import lifetime_of, own_lifetime_of
from .store import DatedRecord, Lifetimes

_LONGEST = 60  # seconds by which the clocks of two nodes may differ
_SHARE = 20


class Touching:
    """When a store's records expire, and how long a renewal may wait."""

    __slots__ = ("_longest", "interval")

    def __init__(self, interval: int | None = None, *, longest: int | None = None) -> None:
        """`interval` and the `longest` idle timeout are seconds.

        An interval of 0 renews at once; None stands for a twentieth of the timeout, at most a
        minute.
        """
        self.interval = interval
        self._longest = longest

    def grace(self, lifetime: int) -> int:
        """Return the seconds added to an idle timeout, at most a tenth of it."""
        if self.interval is None:
            return min(_LONGEST, lifetime // _SHARE)
        return min(self.interval, lifetime // 10)

    def expiry(self, now: float, lifetime: int) -> int:
        """Return when a record that is renewed now expires."""
        return math.ceil(now) + lifetime + self.grace(lifetime)

    def expiry_of(self, record: bytes, lifetimes: Lifetimes, now: float) -> int:
        """Return when a record that is written now expires."""
        self._hear_of(lifetimes)
        return self.expiry(now, lifetime_of(record, lifetimes))

    def dated(self, record: bytes, expires: float, lifetimes: Lifetimes, now: float) -> DatedRecord:
        """Return a record with the time of its last renewal, if it was for these lifetimes."""
        lifetime = lifetime_of(record, lifetimes)
        left = expires - now
        return DatedRecord(record, idle=lifetime + self.grace(lifetime) - left, left=left)

    def renewal(
        self, record: bytes, expires: float, lifetimes: Lifetimes | None, now: float
    ) -> int | None:
        """Return the new expiry of a record that is read now; None to leave it as it is.

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
        """Remember a longer timeout: settings may change while an application runs."""
        if self._longest is not None and lifetimes.longest > self._longest:
            self._longest = lifetimes.longest

    def is_due(self, expires: float, now: float, lifetime: int) -> bool:
        """Return whether a record that is read now must be renewed."""
        if self.grace(lifetime) == 0:
            return expires != self.expiry(now, lifetime)
        # The timeout may have changed since, or a clock may have been fast for a while. Then the
        # expiry is wrong in either direction, and a life that is too long is cut.
        return not now + lifetime <= expires <= self.expiry(now, lifetime)
