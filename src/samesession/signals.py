"""Signals of what happens to sessions, and the log lines beside them.

Each signal's sender is the application; it is sent with `sid` (a session's
public name, or None) and `reason` (fixed words, or empty). None of them ever
carries a token, a cookie or data, so that they can be logged as they are.
"""

from __future__ import annotations

import logging

from blinker import Namespace

from .core.events import Event, Notify

_signals = Namespace()

session_created = _signals.signal(Event.CREATED.value)
session_bound = _signals.signal(Event.BOUND.value)
session_regenerated = _signals.signal(Event.REGENERATED.value)
session_deleted = _signals.signal(Event.DELETED.value)
session_revoked = _signals.signal(Event.REVOKED.value)
session_expired = _signals.signal(Event.EXPIRED.value)
session_rejected = _signals.signal(Event.REJECTED.value)
session_conflict = _signals.signal(Event.CONFLICT.value)
session_gone = _signals.signal(Event.GONE.value)

log = logging.getLogger("samesession")

_BY_EVENT = {event: _signals.signal(event.value) for event in Event}
_LEVELS = {Event.REJECTED: logging.WARNING, Event.GONE: logging.INFO}


def notifier(sender: object) -> Notify:
    """Give the function that tells signals and log of an application's events."""

    def notify(event: Event, sid: str | None, reason: str) -> None:
        level = _LEVELS.get(event, logging.DEBUG)
        if log.isEnabledFor(level):
            log.log(level, "%s%s", event.value, f": {reason}" if reason else "")
        signal = _BY_EVENT[event]
        if signal.receivers:
            _ = signal.send(sender, sid=sid, reason=reason)

    return notify
