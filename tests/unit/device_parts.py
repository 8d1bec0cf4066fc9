"""What tests of devices put together: a request that shows what it is told to, and what judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from samesession.core.bound_cookie import BoundCookies
from samesession.core.device_binding import Binding, challenge_hash, with_device
from samesession.core.device_checks import DeviceRules, Devices
from samesession.core.events import Notice
from samesession.core.store import Lifetimes
from tests.support.clock import Clock

from .parts import KEYS, NOW, RULES, Counter

FRESHNESS = 600
MARGIN = 60  # how much sooner the cookie ends
KEY = b"the key of a device"
COOKIES = BoundCookies(KEYS, "session:", "session")


@dataclass
class Shown:
    """What a request shows of its device."""

    cookies: Sequence[str] = ()
    skipped: str | None = None
    proves: bool = False
    arrives: bool = False
    is_secure: bool = True
    ends_early: bool = False

    def end_early(self) -> None:
        self.ends_early = True


def binding(**changes: Any) -> Binding:
    """Return a binding of long ago, proved just now."""
    plain: dict[str, Any] = {
        "algorithm": "ES256",
        "key": KEY,
        "offer": challenge_hash("offer"),
        "bound_at": NOW - 10_000,
        "proved_at": NOW,
    }
    return Binding(**{**plain, **changes})


def bound(**changes: Any) -> dict[str, Any]:
    """Return what makes a record one of a bound session."""
    return {"fields": with_device((), binding(**changes))}


@dataclass
class Judges:
    """Devices by some settings, and what they have told."""

    requires: bool = True
    grace: int = 0
    freshness: int = FRESHNESS
    by_header: bool = False
    lifetimes: Lifetimes = RULES.lifetimes
    clock: Clock = field(default_factory=Clock)
    notices: list[Notice] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.devices = Devices(
            DeviceRules(self.requires, self.freshness, self.grace),
            COOKIES,
            self.lifetimes,
            entropy=Counter(),
            clock=self.clock,
            notify=self.notices.append,
            by_header=self.by_header,
        )
