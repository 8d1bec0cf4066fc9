"""Read a record and restart its idle timeout: one order of things, for stores that keep the time.

A store says how it finds a record, and how it sets the moment at which one expires. Whether that
moment is to be set, and to what, core.idle_renewal decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ...core.idle_renewal import Touching
from ...core.steps import Steps
from ...core.store import Capabilities, Clock, DatedRecord, Lifetimes, Reach


class Timed(Protocol):
    """A record that was found, and the moment at which it expires."""

    @property
    def record(self) -> bytes:
        """The record."""
        ...

    @property
    def expires(self) -> float:
        """The moment, in seconds since 1970."""
        ...


F = TypeVar("F", bound=Timed)


def records_of(found: Sequence[Timed | None]) -> list[bytes | None]:
    """Return the records of what was found."""
    return [None if each is None else each.record for each in found]


@dataclass(frozen=True, slots=True)
class RenewingLoad:
    """How one store's records are read and renewed, and when those that are written expire.

    What finds a record is given the moment of the reading. What sets another moment for one
    returns the record as it is then.
    """

    touching: Touching
    clock: Clock

    def capabilities(self, reach: Reach = Reach.NETWORK) -> Capabilities:
        """Return what the store promises: renewing may be put off."""
        return Capabilities(reach=reach, exact_renewal=self.touching.interval == 0)

    def expiry(self, record: bytes, lifetimes: Lifetimes) -> int:
        """Return the moment at which a record that is written now expires."""
        return self.touching.expiry_of(record, lifetimes, self.clock())

    def dated(
        self, found: Sequence[Timed | None], lifetimes: Lifetimes
    ) -> list[DatedRecord | None]:
        """Return what was found with when it was renewed last, and when it expires."""
        dated, now = self.touching.dated, self.clock()
        return [
            None if each is None else dated(each.record, each.expires, lifetimes, now)
            for each in found
        ]

    def load(
        self,
        find: Callable[[float], F | None],
        touch: Callable[[F, int], F],
        renew: Lifetimes | None,
    ) -> F | None:
        """Find a record and, where that is due, have it expire at another moment."""
        now = self.clock()
        found = find(now)
        if found is None:
            return None
        due = self.touching.renewal(found.record, found.expires, renew, now)
        return found if due is None else touch(found, due)

    def load_in_steps(
        self,
        find: Callable[[float], Steps[F | None]],
        touch: Callable[[F, int], Steps[F]],
        renew: Lifetimes | None,
    ) -> Steps[F | None]:
        """Do the same with a store whose methods are steps."""
        now = self.clock()
        found = yield from find(now)
        if found is None:
            return None
        due = self.touching.renewal(found.record, found.expires, renew, now)
        return found if due is None else (yield from touch(found, due))
