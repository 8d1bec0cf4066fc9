"""The state of the device of a request's session, apart from the session.

    the session is opened by    if it is bound                      otherwise
    a cookie                    the time that the bound cookie      what an offer needs
                                proves
    a header's token            none: it is refused                 none
    its sid                     none: there is no browser           none

There is no such state if SESSION_DEVICE_BOUND is off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from .device_binding import (
    Binding,
    DeviceChange,
    Offer,
    Offered,
    Proof,
    Registration,
    device_of,
    is_done,
)
from .events import DEVICE_FOREIGN, DEVICE_MISSING, DEVICE_STALE, Event, Notice, Notify
from .record import Record
from .store import Clock
from .token import Entropy

# Reasons for a refusal that the browser's next proof removes.
PROVABLE: Final = frozenset({DEVICE_MISSING, DEVICE_STALE, DEVICE_FOREIGN})


class Presented(Protocol):
    """A request's data on its device, computed on demand, because few requests need it."""

    @property
    def cookies(self) -> Sequence[str]:
        """The values of the bound cookie."""
        ...

    @property
    def skipped(self) -> str | None:
        """The browser's reason for sending no proof; None if it gives none."""
        ...

    @property
    def proves(self) -> bool:
        """Whether the request is for one of our endpoints, with a proof."""
        ...

    @property
    def arrives(self) -> bool:
        """Whether the request follows a link on another site, so that it has no proof."""
        ...

    def end_early(self) -> None:
        """End the request with our response, before any function of the application runs."""
        ...

    @property
    def is_secure(self) -> bool:
        """Whether the browser accepts a Secure cookie from the response."""
        ...


class Means(Protocol):
    """The parts that all sessions of an application share."""

    @property
    def entropy(self) -> Entropy:
        """The source of random challenges."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock."""
        ...

    @property
    def notify(self) -> Notify:
        """The receiver of events."""
        ...


class DeviceState:
    """The state of the device; its repr shows no cookies."""

    # Defaults of the class, because most requests change none.
    proved_at: int | None = None  # the time that the request's bound cookie proves, if it is fresh
    reason: str | None = None  # why it is not, or why another session is refused
    refused = False  # a session was refused, and this is a new one in its place
    replaced: str | None = None  # the sid of a session whose secret is not the request's
    drops = False  # the response deletes the bound cookie, to get a proof at once
    done: bool | None = None  # whether the last saved change was applied
    registration: str | None = None  # the challenge of a valid offer
    proved: int | None = None  # the time, by this very request
    speaks = False  # the response may have parts to send, though the session's cookie stays
    comes_again = False  # the browser is told to load the URL again, with a proof
    is_ours = False  # we make the response, not the application

    def __init__(self, means: Means, presented: Presented, record: Record | None = None) -> None:
        """`record`: the session's when it was opened, None for a new one."""
        self.means = means
        self.presented = presented
        self.record = record
        if presented.proves:
            self.is_ours = True

    @property
    def was_bound(self) -> bool:
        """Whether the session was bound when it was opened."""
        opened = device_of(self.record)
        return opened is not None and not isinstance(opened, Offered)

    def may_speak(self, record: Record | None) -> bool:
        """Return whether a response that has the session's cookie may have parts to send.

        It has none if the save has left the session's secret and device as they were.
        """
        before = self.record
        if self.speaks or self.is_ours or before is None or record is None:
            return True
        return record.secret_hash != before.secret_hash or record.fields != before.fields

    def refuse(self, reason: str) -> None:
        """Note that the session is in place of a refused one."""
        self.refused, self.reason = True, reason
        self.speaks = True
        if reason in PROVABLE and self.presented.arrives:
            self.comes_again = self.is_ours = True
            self.presented.end_early()

    def prove(self, at: int) -> None:
        """Note that this very request has proved the device: the response has the bound cookie."""
        self.proved, self.speaks = at, True

    def drop_cookie(self) -> None:
        """Make the response delete the bound cookie, to get a proof at once."""
        self.drops = self.speaks = True

    def skipped(self, record: Record) -> Notice:
        """Return the notice of a bound session that continues without a proof."""
        return Notice.of(Event.DEVICE_SKIPPED, record, self.presented.skipped or self.reason or "")

    def saved(self, change: DeviceChange, before: Record | None, after: Record) -> Event | None:
        """Note the outcome of a change; return the notice if others must hear of it."""
        was, now = device_of(before), device_of(after)
        self.done = is_done(change, was, now)
        if not self.done:
            return None
        match change, now:
            case Offer(challenge, _), _:
                self.registration, self.speaks = challenge, True
            case Registration(), Binding():
                self.prove(now.proved_at)
                return None if isinstance(was, Binding) else Event.DEVICE_BOUND
            case Proof(), Binding():
                self.prove(now.proved_at)
                return Event.DEVICE_PROVED
            case _:
                pass
        return None
