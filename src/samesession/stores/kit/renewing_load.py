"""Read a record and restart its idle timeout, for stores that keep the expiry.

A store supplies two functions: one finds a record, the other sets its expiry. core.idle_renewal
decides whether the expiry must be set, and to what.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ...core.idle_renewal import Touching
from ...core.steps import Steps
from ...core.store import Capabilities, Clock, DatedRecord, Lifetimes, Reach


class Timed(Protocol):
    """A record that was found, with its expiry."""

    @property
    def record(self) -> bytes:
        """The record."""
        ...

    @property
    def expires(self) -> float:
        """The expiry, in seconds since 1970."""
        ...


F = TypeVar("F", bound=Timed)


def records_of(found: Sequence[Timed | None]) -> list[bytes | None]:
    """Return the records of what was found."""
    return [None if each is None else each.record for each in found]


@dataclass(frozen=True, slots=True)
class RenewingLoad:
    """Reads and renews the records of one store, and computes the expiry of written ones.

    The function that finds a record gets the time of reading. The function that sets the expiry
    returns the record in its state then.
    """

    touching: Touching
    clock: Clock

    def capabilities(self, reach: Reach = Reach.NETWORK) -> Capabilities:
        """Return the store's capabilities: it may postpone renewing."""
        return Capabilities(reach=reach, exact_renewal=self.touching.interval == 0)

    def expiry(self, record: bytes, lifetimes: Lifetimes) -> int:
        """Return when a record that is written now expires."""
        return self.touching.expiry_of(record, lifetimes, self.clock())

    def dated(
        self, found: Sequence[Timed | None], lifetimes: Lifetimes
    ) -> list[DatedRecord | None]:
        """Return the found record with the times of its last renewal and its expiry."""
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
        """Find a record and, if that is due, set its expiry."""
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
