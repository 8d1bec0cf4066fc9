"""The settings of sessions that are bound to a device.

The two endpoints are below SESSION_DEVICE_PATH, relative to the application's root path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec

from .core.cookie import Attributes
from .core.device_checks import DeviceRules
from .errors import ConfigError
from .reading_settings import Setting, choice, seconds, setting

OFF, OFFER, REQUIRE = "off", "offer", "require"
SKIPPED = "Secure-Session-Skipped"  # the browser's reason for sending no proof
_LEAST = 10  # seconds; a browser makes a new proof before each expiry
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+", re.ASCII)

_NO_STORE = (
    "SESSION_DEVICE_BOUND needs a server-side store, but with SESSION_TYPE 'cookie' the browser "
    'keeps the session: choose a store, such as SESSION_TYPE = "filesystem", or write '
    'SESSION_DEVICE_BOUND = "off"'
)
_NO_PACKAGE = (
    "SESSION_DEVICE_BOUND needs a package that is not installed: pip install 'samesession[device]'"
)
_PARTITIONED = (
    "browsers do not bind a session with a Partitioned cookie: write "
    'SESSION_COOKIE_PARTITIONED = False, or SESSION_DEVICE_BOUND = "off"'
)


def _freshness(value: object, setting: Setting) -> int:
    found = seconds(value, setting)
    if found < _LEAST:
        raise ConfigError(f"{setting.name} must be at least {_LEAST} seconds")
    return found


def _grace(value: object, setting: Setting) -> int:
    is_none = value == 0 and isinstance(value, int) and not isinstance(value, bool)
    return 0 if is_none or value == timedelta() else seconds(value, setting)


def _path(value: object, setting: Setting) -> str:
    if not isinstance(value, str) or _PATH.fullmatch(value) is None:
        raise ConfigError(
            f"{setting.name} must be a path of the application without a slash at its end, such as "
            '"/_session/device"'
        )
    return value


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """Whether sessions are bound to their device, and how it is proved."""

    mode: str = setting(
        "SESSION_DEVICE_BOUND",
        choice(OFF, OFFER, REQUIRE),
        default=OFF,
        doc="Experimental. Whether a login by `bind` offers the browser to [bind the session to "
        "its device](../guides/device-bound-sessions.md). It needs `samesession[device]`. "
        '`"offer"`: signals report the proofs, and no session is refused for a missing '
        'proof. `"require"`: a request with a bound session and without a fresh proof is '
        "refused. Browsers that do not support it keep working with both values.",
    )
    freshness: int = setting(
        "SESSION_DEVICE_FRESHNESS",
        _freshness,
        default=timedelta(minutes=10),
        shown="10 minutes",
        doc="How long a proof of the device is valid: a `timedelta` or seconds, at least 10 "
        'seconds. With `SESSION_DEVICE_BOUND = "require"`, copied cookies work for this long '
        "at most.",
    )
    grace: int = setting(
        "SESSION_DEVICE_GRACE",
        _grace,
        default=0,
        doc="How much longer a bound session continues if the browser reports that it could not "
        "prove its device, for example because the server did not answer: a `timedelta` or "
        "seconds. It starts when the last proof expires. Any client can send such a report, "
        "so keep the value small.",
    )
    path: str = setting(
        "SESSION_DEVICE_PATH",
        _path,
        default="/_session/device",
        doc="The path below which browsers bind sessions and prove devices. Its two endpoints "
        "exist only if `SESSION_DEVICE_BOUND` is on.",
    )

    @property
    def is_on(self) -> bool:
        """Whether sessions are bound to devices."""
        return self.mode != OFF

    @property
    def rules(self) -> DeviceRules:
        """The rules that decide whether a request with a bound session continues."""
        return DeviceRules(self.mode == REQUIRE, self.freshness, self.grace)

    @property
    def varies_by(self) -> tuple[str, ...]:
        """The headers, besides cookies, that decide whether a bound session continues."""
        return (SKIPPED,) if self.rules.requires and self.grace else ()

    def check(self, cookie: Attributes) -> None:
        """Raise ConfigError for a session cookie with which no device can be bound."""
        if self.is_on and cookie.partitioned:
            raise ConfigError(_PARTITIONED)

    def check_store(self, *, in_cookie: bool) -> None:
        """Raise ConfigError if no store keeps the sessions."""
        if self.is_on and in_cookie:
            raise ConfigError(_NO_STORE)

    def check_package(self) -> None:
        """Raise ConfigError if the package that verifies proofs is missing; do not load it."""
        if self.is_on and find_spec("cryptography") is None:
            raise ConfigError(_NO_PACKAGE)
