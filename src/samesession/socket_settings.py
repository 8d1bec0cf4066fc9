"""The settings of WebSockets and streams that outlive their session."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ConfigError
from .reading_settings import Setting, flag, setting

CLOSE_CODE = 4401  # after HTTP's 401; RFC 6455, 7.4.2, leaves 4000 to 4999 to applications
_FIRST, _LAST = 3000, 4999  # of libraries and applications
_POLICY = 1008  # "violates its policy", of RFC 6455 itself


def _close_code(value: object, setting: Setting) -> int | None:
    if isinstance(value, bool):
        return CLOSE_CODE if value else None
    if isinstance(value, int) and (value == _POLICY or _FIRST <= value <= _LAST):
        return value
    raise ConfigError(
        f"{setting.name} must be True, False, or a close code of 3000 to 4999, such as 4401, or "
        "1008"
    )


@dataclass(frozen=True, slots=True)
class SocketSettings:
    """The handling of open connections when their session ends."""

    close_code: int | None = setting(
        "SESSION_CLOSE_SOCKETS",
        _close_code,
        default=False,
        doc="Whether Quart closes [a WebSocket whose session has "
        "ended](../guides/websockets.md). `True` closes it with code 4401. A number from "
        "3000 to 4999, or 1008, closes it with that code.",
    )
    sockets_renew: bool = setting(
        "SESSION_SOCKETS_RENEW",
        flag,
        default=False,
        doc="Whether a [watched](../guides/websockets.md) WebSocket or stream restarts the idle "
        "timeout for as long as it is open. `False`: open sockets do not keep their session "
        "alive.",
    )
