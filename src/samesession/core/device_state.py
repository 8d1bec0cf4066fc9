"""What is known of the device of a request's session, besides the session.

    opened by              of a bound session                    of another one
    a cookie               what the bound cookie shows of it     what can be asked, for an offer
    a header's token       refused                               nothing
    its sid                nothing: no browser is there          nothing

There is none where SESSION_DEVICE_BOUND is off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .device_binding import (
    Binding,
    Device,
    DeviceChange,
    Offer,
    Offered,
    Proof,
    Registration,
    device_of,
    is_done,
)
from .events import Event, Notice, Notify
from .record import Record
from .store import Clock
from .token import Entropy


class Presented(Protocol):
    """What a request shows of its device: worked out when it is asked for, as few requests are."""

    @property
    def cookies(self) -> Sequence[str]:
        """The values of the bound cookie."""
        ...

    @property
    def skipped(self) -> str | None:
        """Why the browser comes without a proof, in its word; None if it says nothing."""
        ...

    @property
    def proves(self) -> bool:
        """Whether the request came to prove: to one of our endpoints."""
        ...

    @property
    def is_secure(self) -> bool:
        """Whether the browser takes a cookie that is Secure from the response."""
        ...


class Means(Protocol):
    """What all sessions of an application have alike."""

    @property
    def entropy(self) -> Entropy:
        """What draws challenges."""
        ...

    @property
    def clock(self) -> Clock:
        """What gives the time."""
        ...

    @property
    def notify(self) -> Notify:
        """What hears of events."""
        ...


class DeviceState:
    """What is known of the device; its repr says nothing of cookies."""

    # Defaults of the class, as most requests change none.
    opened: Device | None = None  # what the record said when the session was opened
    secret_hash = b""  # of the session then
    proved_at: int | None = None  # what the request's bound cookie proves, if it is fresh
    reason: str | None = None  # why it is not, or why another session is refused
    refused = False  # a session was, and this one is a new one in its place
    drops = False  # the response deletes the bound cookie, for a proof at once
    done: bool | None = None  # whether the last change that was saved stands
    registration: str | None = None  # the challenge of an offer that stands
    proved: int | None = None  # when, by this very request

    def __init__(self, means: Means, presented: Presented) -> None:
        self.means = means
        self.presented = presented

    @property
    def was_bound(self) -> bool:
        """Whether the session was bound when it was opened."""
        return self.opened is not None and not isinstance(self.opened, Offered)

    @property
    def speaks(self) -> bool:
        """Whether a response may have to say something, though the session's cookie stays."""
        has_news = self.proved is not None or self.registration is not None
        return has_news or self.refused or self.drops

    def refuse(self, reason: str) -> None:
        """Note that the session stands in place of one that is refused."""
        self.refused, self.reason = True, reason

    def skipped(self, record: Record) -> Notice:
        """Return the notice of a bound session that goes on without a proof."""
        return Notice.of(Event.DEVICE_SKIPPED, record, self.presented.skipped or self.reason or "")

    def saved(self, change: DeviceChange, before: Record | None, after: Record) -> Event | None:
        """Note what became of a change; return what happened, if others are told of it."""
        was, now = device_of(before), device_of(after)
        self.done = is_done(change, was, now)
        if not self.done:
            return None
        match change, now:
            case Offer(challenge, _), _:
                self.registration = challenge
            case Registration(), Binding():
                self.proved = now.proved_at
                return None if isinstance(was, Binding) else Event.DEVICE_BOUND
            case Proof(), Binding():
                self.proved = now.proved_at
                return Event.DEVICE_PROVED
            case _:
                pass
        return None
